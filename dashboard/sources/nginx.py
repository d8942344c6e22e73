"""nginx itself: its connections, and when its certificate ends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dashboard.events import Event, GatewayState, SourceName
from dashboard.sources.base import SourceAbsent

if TYPE_CHECKING:
    from gateway.nginx_probe import CertificateExpiry

CERTIFICATE = Path("nginx/certs/nginx.crt")
"""Below the root of the workspace."""


class NginxStatus:
    """Asks the status port."""

    name = SourceName.NGINX
    period_s = 2.0

    def __init__(self, status_port: int, certificate: Path) -> None:
        self._port = status_port
        self._certificate = certificate
        self._expiry: CertificateExpiry | None = None

    def poll(self, now: float) -> Sequence[Event]:
        """Connections and certificate. Raises SourceAbsent if nginx does not answer."""
        # Here, in the thread: the probe brings the Prometheus client with it, 50 ms of CPU
        # that the first picture need not wait for.
        from gateway.nginx_probe import CertificateExpiry, read_connections

        connections = read_connections(self._port)
        if connections is None:
            raise SourceAbsent(f"nginx does not answer on 127.0.0.1:{self._port}")
        if self._expiry is None:
            self._expiry = CertificateExpiry(self._certificate)
        self._expiry.refresh()
        return [GatewayState(now, connections.active, connections.waiting, self._expiry.not_after)]

    def close(self) -> None:
        """There is nothing open between two polls."""
