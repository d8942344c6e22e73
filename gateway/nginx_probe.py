"""What can be asked about nginx itself: its connections now, and when its certificate ends."""

import http.client
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from gateway.certificates import read_certificate
from gateway.errors import ConfigurationError

_TIMEOUT_SECONDS = 0.5
_STUB_STATUS = re.compile(
    r"Active connections: (?P<active>\d+)\s.*"
    r"Reading: (?P<reading>\d+) Writing: (?P<writing>\d+) Waiting: (?P<waiting>\d+)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Connections:
    """Client connections of nginx (ngx_http_stub_status_module)."""

    active: int
    """All of them; the other three add up to it."""
    reading: int
    """nginx reads the request header."""
    writing: int
    """The request is being answered."""
    waiting: int
    """Idle keepalive connections."""


def read_connections(status_port: int) -> Connections | None:
    """The connections now, None if nginx does not answer within half a second."""
    connection = http.client.HTTPConnection("127.0.0.1", status_port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/stub_status")
        response = connection.getresponse()
        text = response.read(4096).decode("ascii", "replace")
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    found = _STUB_STATUS.match(text)
    if response.status != 200 or found is None:
        return None
    return Connections(**{state: int(count) for state, count in found.groupdict().items()})


def connection_families(connections: Connections | None) -> Iterator[Metric]:
    """gateway_nginx_up, and gateway_nginx_connections while it is up."""
    yield GaugeMetricFamily(
        "gateway_nginx_up", "Whether nginx answers on its status port.", connections is not None
    )
    if connections is not None:
        family = GaugeMetricFamily(
            "gateway_nginx_connections", "Client connections by state.", labels=("state",)
        )
        family.add_metric(("active",), connections.active)
        family.add_metric(("reading",), connections.reading)
        family.add_metric(("writing",), connections.writing)
        family.add_metric(("waiting",), connections.waiting)
        yield family


class CertificateExpiry:
    """When the certificate ends. Runs openssl only after the file has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._problem = ""
        self.not_after: float | None = None
        """Seconds since the epoch; None if there is no certificate that can be read."""

    def refresh(self) -> str:
        """Look again; what is wrong with the file, "" if nothing is or there is none."""
        try:
            status = self._path.stat()
        except OSError:
            self._seen = self.not_after = None
            self._problem = ""
            return self._problem
        seen = (status.st_ino, status.st_size, status.st_mtime_ns)
        if seen != self._seen:
            self._seen, self.not_after, self._problem = seen, None, ""
            try:
                self.not_after = read_certificate(self._path).not_after
            except (ConfigurationError, subprocess.TimeoutExpired, OSError, ValueError) as error:
                self._problem = str(error)
        return self._problem

    def families(self) -> Iterator[Metric]:
        """gateway_certificate_expiry_timestamp_seconds, if it is known."""
        if self.not_after is not None:
            yield GaugeMetricFamily(
                "gateway_certificate_expiry_timestamp_seconds",
                "When the certificate of the gateway ends, in seconds since the epoch.",
                self.not_after,
            )
