"""The instances themselves: does each one answer its health endpoint."""

from __future__ import annotations

import http.client
from collections.abc import Sequence

from dashboard.events import Declared, Event, ServiceHealth, SourceName
from dashboard.sources.base import SourceAbsent

_TIMEOUT_S = 0.5


class Services:
    """Asks each instance at its own port, without nginx between."""

    name = SourceName.SERVICES
    period_s = 2.0

    def __init__(self, instances: tuple[Declared, ...]) -> None:
        self._instances = instances

    def poll(self, now: float) -> Sequence[Event]:
        """Who is well. Raises SourceAbsent if nobody answers."""
        healthy = tuple(found.name for found in self._instances if _answers(found.address))
        if not healthy:
            raise SourceAbsent("no instance answers on its port: make start-project")
        ill = tuple(found.name for found in self._instances if found.name not in healthy)
        return [ServiceHealth(now, healthy, ill)]

    def close(self) -> None:
        """There is nothing open between two polls."""


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
