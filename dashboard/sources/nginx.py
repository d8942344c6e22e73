"""nginx itself: its connections, when its certificate ends, and whether its master lives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dashboard.events import Event, ExperimentState, GatewayState, NginxMaster, SourceName
from dashboard.sources.base import SourceAbsent

if TYPE_CHECKING:
    from gateway.nginx_probe import CertificateExpiry

CERTIFICATE = Path("nginx/certs/nginx.crt")
PID_FILE = Path("var/run/nginx.pid")
"""Both below the root of the workspace (nginx/nginx.conf)."""


class NginxStatus:
    """Asks the status port, and the system about the process in the pid file."""

    name = SourceName.NGINX
    period_s = 2.0

    def __init__(self, root: Path, status_port: int, certificate: Path, pid_file: Path) -> None:
        """`root` is that of the workspace; it holds what is tried (gateway.canary)."""
        self._root = root
        self._port = status_port
        self._certificate = certificate
        self._pid_file = pid_file
        self._expiry: CertificateExpiry | None = None

    def poll(self, now: float) -> Sequence[Event]:
        """Connections, certificate, master, what is tried.

        Raises SourceAbsent if nginx does not answer.
        """
        # Here, in the thread: the probe brings the Prometheus client with it, 50 ms of CPU
        # that the first picture need not wait for.
        from gateway.nginx_probe import CertificateExpiry, read_connections

        connections = read_connections(self._port)
        if connections is None:
            raise SourceAbsent(f"nginx does not answer on 127.0.0.1:{self._port}")
        if self._expiry is None:
            self._expiry = CertificateExpiry(self._certificate)
        self._expiry.refresh()
        active, waiting = connections.active, connections.waiting
        master = read_master(self._pid_file)
        state = GatewayState(now, active, waiting, self._expiry.not_after, master)
        return [state, experiment_state(self._root, now)]

    def close(self) -> None:
        """There is nothing open between two polls."""


def experiment_state(root: Path, now: float) -> ExperimentState:
    """What the workspace tries. Never raises: a state that cannot be read says so."""
    from gateway.canary import CanaryError, read_experiment

    try:
        found = read_experiment(root)
    except (CanaryError, OSError) as error:
        return ExperimentState(now, 0, 0, None, str(error))
    return ExperimentState(now, found.weight, found.shadow, found.drained)


def read_master(pid_file: Path) -> NginxMaster | None:
    """The master process of nginx, None if the file names none."""
    try:
        pid = int(pid_file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    if pid <= 0:
        return None
    from gateway.nginx_master import stopped

    alive = _is_nginx(pid)
    return NginxMaster(pid, alive, stopped(pid) if alive else ())


def _is_nginx(pid: int) -> bool:
    # Here, in the thread, as above.
    from gateway import process_table

    found = process_table.entry(pid)
    if found is None:
        # Where there is no /proc, that it runs is all that can be known.
        return not process_table.PROC.is_dir() and process_table.alive(pid)
    # The pid of a master that was killed goes to another process some day.
    return not found.zombie and "nginx" in found.name
