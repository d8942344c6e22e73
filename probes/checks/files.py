"""What can be seen without a request: the files agree, the processes are ready."""

from __future__ import annotations

import shlex

from gateway import process_table
from gateway.agreement import agreement
from gateway.errors import ConfigurationError
from gateway.supervisor import (
    SOCKET,
    Process,
    ProcessStatus,
    Supervisor,
    SupervisorError,
    SupervisorTimeout,
    SupervisorUnreachable,
    ready,
)
from probes.checks.finding import Finding, failed, judged, passed
from probes.verdict import Verdict
from probes.workspace import Workspace

NGINX = "nginx"


def files(workspace: Workspace) -> Finding:
    """What process-compose.yaml declares, the files of nginx and monitoring repeat."""
    try:
        differences = agreement(workspace.root)
    except ConfigurationError as error:
        return failed(str(error))
    count = len(workspace.topology.instances)
    evidence = f"{count} instances and every port are the same in all files"
    return judged([str(difference) for difference in differences], evidence)


def files_command(workspace: Workspace) -> str:
    """Where each instance's port stands."""
    ports = "|".join(str(each.port) for each in workspace.topology.instances)
    folders = ["process-compose.yaml", "nginx", "monitoring"]
    return shlex.join(["grep", "-rnE", rf"\b({ports})\b", *folders])


def processes(workspace: Workspace) -> Finding:
    """process-compose calls every process ready, and nginx is the one that it started."""
    try:
        found = Supervisor(workspace.root / SOCKET).processes()
    except SupervisorUnreachable as error:
        return failed(str(error))
    except (SupervisorTimeout, SupervisorError) as error:
        return Finding(Verdict.ERROR, str(error))
    problems = [describe(process) for process in not_ready(found)]
    problems += _nginx_gone(found)
    state = ready(found)
    if problems or not state.complete:
        return failed("; ".join(problems) or "there is no process")
    restarted = [f"{each.name} {each.restarts}" for each in found if each.restarts]
    evidence = f"{len(state.ready)} of {len(state.ready)} ready"
    return passed(evidence + (f"; restarts: {', '.join(restarted)}" if restarted else ""))


def processes_command(workspace: Workspace) -> str:
    """The same by process-compose."""
    return "process-compose list -o wide"


def not_ready(found: tuple[Process, ...]) -> tuple[Process, ...]:
    """Who is not ready, those first who will not become so by themselves."""
    state = ready(found)
    return (*state.failed, *state.waiting)


def describe(process: Process) -> str:
    """The state of a process that is not ready, with what to do."""
    where = f"see var/logs/{process.name}.log"
    if was_stopped(process):
        return f"{process.name} was stopped: {command_to('start', process.name)}"
    if process.status is ProcessStatus.SKIPPED:
        fix = f"start that, then {command_to('start', process.name)}"
        return f"{process.name} was not started, something that it needs was not ready: {fix}"
    if process.has_failed:
        return f"{process.name} ended with code {process.exit_code}: {where}"
    health = f"{process.status.value}, {process.health.value}"
    return f"{process.name} is not ready ({health}, {process.restarts} restarts): {where}"


def command_to(verb: str, process: str) -> str:
    """How a person does that; only that shell has process-compose on its PATH."""
    return f"process-compose process {verb} {process} (in `make shell`)"


def _nginx_gone(found: tuple[Process, ...]) -> list[str]:
    """Its workers outlive a killed master and keep the probe content; nobody supervises them."""
    supervised = next((p for p in found if p.name == NGINX and p.is_ready), None)
    if supervised is None or process_table.alive(supervised.pid):
        return []
    fix = command_to("restart", NGINX)
    return [f"nginx: its master process {supervised.pid} is gone, its workers go on: {fix}"]


def was_stopped(process: Process) -> bool:
    """Whether it should serve and has ended without a fault: somebody stopped it."""
    ended = process.status is ProcessStatus.COMPLETED and not process.is_ready
    return ended and process.exit_code in (-1, 0)
