"""A stack that cannot be asked, line by line, with what to do about it."""

from __future__ import annotations

import errno
import http.client
import socket
from contextlib import closing, suppress
from pathlib import Path

from gateway.settings import Settings
from gateway.supervisor import (
    SOCKET,
    Process,
    ProcessStatus,
    Supervisor,
    SupervisorError,
    SupervisorUnreachable,
    ready,
)
from gateway.topology import HOST, Topology
from probes.checks.files import command_to, describe, not_ready, was_stopped
from probes.checks.finding import one_line
from probes.exchange import Caller, gateway_target
from probes.workspace import Workspace

CONNECT_S = 2.0
START = "make start-project"


def absence(workspace: Workspace) -> tuple[str, ...]:
    """() when the gateway can be asked; else what is wrong, one fact a line, the fix last."""
    supervisor = Supervisor(workspace.root / SOCKET)
    try:
        processes = supervisor.processes()
    except (OSError, SupervisorError) as error:
        # Without process-compose the gateway may run all the same; then it can be asked,
        # but not if it is the one of another folder.
        return () if _ours(workspace) else _not_running(workspace, error)
    if _accepts(*gateway_target(workspace)):
        return ()
    return _not_complete(workspace, processes)


def _not_running(workspace: Workspace, error: Exception) -> tuple[str, ...]:
    free, taken = _ports(workspace)
    lines = [f"process-compose: {_why(error)}", *taken]
    if free:
        lines.append(f"free, nothing listens there: {', '.join(free)}")
    if taken:
        lines.append(
            f"fix: `{START}`, which ends what a killed process-compose of this folder left; "
            "it names whoever else has a port, and where to move the port"
        )
    else:
        lines.append(f"fix: `{START}`")
    return tuple(lines)


def _why(error: Exception) -> str:
    if isinstance(error, SupervisorUnreachable):
        return f"nothing answers on {SOCKET}, the workspace is not running"
    return str(error)


def _not_complete(workspace: Workspace, processes: tuple[Process, ...]) -> tuple[str, ...]:
    state = ready(processes)
    lines = ["process-compose: running"]
    missing = not_ready(processes)
    for process in missing:
        lines.append(describe(process))
        words = last_words(workspace.root, process.name)
        if words and process.status is not ProcessStatus.SKIPPED and not was_stopped(process):
            lines.append(f"  {process.name} said last: {words}")
    if others := [process.name for process in state.ready if process not in missing]:
        lines.append(f"ready: {', '.join(others)}")
    host, port = gateway_target(workspace)
    lines.append(f"port {port} (gateway HTTPS) at {host}: nothing answers")
    if not missing:  # as process-compose believes
        fix = command_to("restart", "nginx")
    elif all(process in state.waiting for process in missing):
        fix = "wait until they are ready"
    elif any(was_stopped(each) or each.status is ProcessStatus.SKIPPED for each in missing):
        fix = "start what was stopped, as said above"
    else:
        fix = f"correct what their logs say, then `{START}`, which starts what has ended"
    lines.append(f"fix: {fix}")
    return tuple(lines)


def last_words(root: Path, process: str) -> str:
    """The last line in the log of a process, "" if it wrote none."""
    with suppress(OSError):
        lines = (root / f"var/logs/{process}.log").read_text(errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "")
        return one_line(last).strip()
    return ""


def _ports(workspace: Workspace) -> tuple[list[str], list[str]]:
    """The ports of the workspace that are free, and a sentence for each that is taken."""
    free, taken = [], []
    for port, purpose in _purposes(workspace.settings, workspace.topology).items():
        if is_taken(port):
            who = f"`ss -ltnp 'sport = :{port}'` names it"
            taken.append(f"port {port} ({purpose}): taken by another program; {who}")
        else:
            free.append(f"{port} ({purpose})")
    return free, taken


def _purposes(settings: Settings, topology: Topology) -> dict[int, str]:
    return {
        settings.https_port: "gateway HTTPS",
        settings.http_port: "gateway HTTP",
        topology.status_port: "nginx status",
        **{instance.port: instance.name for instance in topology.instances},
        topology.exporter_port: "exporter",
        topology.prometheus_port: "Prometheus",
    }


def is_taken(port: int, host: str = HOST) -> bool:
    """Whether something has the port. By binding: a port may be bound without listening."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def _accepts(host: str, port: int) -> bool:
    try:
        with closing(socket.create_connection((host, port), CONNECT_S)):
            return True
    except OSError:
        return False


def _ours(workspace: Workspace) -> bool:
    """Whether a server with the certificate of this workspace is there."""
    try:
        with Caller(workspace, "") as caller:
            caller.send("GET", "/healthz")
    except (OSError, http.client.HTTPException):
        return False
    return True
