"""Whom a drill may hit, and how one sees that it is gone and that it is back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway import process_table
from gateway.canary import read_experiment
from gateway.nginx_master import running_master, workers
from gateway.supervisor import SOCKET, Process, ProcessStatus, Supervisor, SupervisorError
from gateway.topology import Instance
from probes.checks.files import NGINX
from probes.workspace import Workspace

WORKER = "nginx-worker"
"""One of the processes that nginx answers with."""
OTHERS = (WORKER, NGINX, "exporter", "prometheus", "rollout")
"""What may be hit beside the instances."""
_FREEZABLE = ("exporter", "prometheus")
"""Besides the instances: process-compose asks them themselves, and so ends a frozen one. Of nginx
any worker answers the probe, and the rollout engine has none."""


class Refused(RuntimeError):
    """The stack is not in a state in which a drill says something; the text says why."""


class Fault(StrEnum):
    """What is done to the process."""

    KILL = "kill"
    """kill -9."""
    FREEZE = "freeze"
    """SIGSTOP: it is there, and answers nothing."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a drill hits, and how."""

    name: str
    """As on the command line."""
    pid: int
    instance: Instance | None = None
    """None: it is no instance."""
    fault: Fault = Fault.KILL
    stable: bool = True
    """Whether it serves the first version: then the load goes there, and has to fail over."""

    @property
    def is_gateway(self) -> bool:
        """Whether every request goes through it: then its end cannot cost nothing."""
        return self.name in (WORKER, NGINX)

    @property
    def needs_a_person(self) -> bool:
        """Whether it stays down: the workers of a killed master of nginx answer on, and so hold
        the ports and the pipe by which process-compose would notice."""
        return self.name == NGINX


def choose(workspace: Workspace, name: str | None = None, fault: Fault = Fault.KILL) -> Target:
    """Whom to hit: `name`, or the first instance of the first version.

    One that is drained gets no requests, so its end would show nothing.

    Raises ValueError for a name that cannot be hit; Refused unless it, all of the first version
    and nginx are ready; OSError or SupervisorError when process-compose does not answer;
    ConfigurationError when nobody knows what is drained.
    """
    drained = read_experiment(workspace.root).drained
    instances = {each.name: each for each in workspace.topology.instances if each.name != drained}
    stable = [each.name for each in workspace.stable if each.name != drained]
    chosen = name or stable[0]
    if name is not None and name == drained:
        raise Refused(f"{name} is drained: first `python -m dashboard canary --undrain {name}`")
    if chosen not in (*instances, *OTHERS):
        known = ", ".join((*instances, *OTHERS))
        raise ValueError(f"there is no {name!r} to {fault.value}; there are {known}")
    if fault is Fault.FREEZE and chosen not in (*instances, *_FREEZABLE):
        known = ", ".join((*instances, *_FREEZABLE))
        raise ValueError(f"nothing would bring back a frozen {name}; there are {known}")
    if chosen in stable and len(stable) < 2:
        raise Refused(f"{chosen} is alone: its end would be an outage, not a drill")
    processes = {each.name: each for each in Supervisor(workspace.root / SOCKET).processes()}
    supervised = NGINX if chosen == WORKER else chosen
    needed = list(dict.fromkeys([*stable, NGINX, supervised]))
    if missing := [each for each in needed if not is_up(processes.get(each))]:
        raise Refused(f"not ready: {', '.join(missing)}; a drill needs all of {', '.join(needed)}")
    pid = min(_workers(workspace)) if chosen == WORKER else processes[chosen].pid
    return Target(chosen, pid, instances.get(chosen), fault, chosen in stable)


def is_up(process: Process | None) -> bool:
    """Whether it runs, is ready, and may be signalled."""
    # Signalling pid 0 or 1 would reach this program's own group, or all that runs here. One
    # that is done counts as ready, and its pid may be somebody else's by now.
    if process is None or process.status is not ProcessStatus.RUNNING:
        return False
    return process.is_ready and process.pid > 1


class Sight:
    """What is seen of a target, by what the dashboard looks at."""

    def __init__(self, workspace: Workspace, target: Target) -> None:
        self._workspace = workspace
        self._target = target
        self._workers = _workers(workspace) if target.name == WORKER else frozenset()

    def is_noticed(self) -> bool:
        """Whether process-compose, or for nginx its pid file, shows that something is wrong."""
        if self._target.name == WORKER:
            return False  # its master starts another one, and nobody else is told
        if self._target.name == NGINX:
            return not process_table.alive(self._target.pid)
        process = self._process()
        return process is not None and (not is_up(process) or process.pid != self._target.pid)

    def is_back(self) -> bool:
        """Whether there is a new process of the same name, and it is ready."""
        if self._target.name == WORKER:
            now = _workers(self._workspace)
            return self._target.pid not in now and len(now) >= len(self._workers)
        process = self._process()
        return process is not None and process.pid != self._target.pid and is_up(process)

    def repair(self) -> None:
        """What a person would do for a target that needs one. Raises SupervisorError, OSError."""
        Supervisor(self._workspace.root / SOCKET).restart(self._target.name)

    def _process(self) -> Process | None:
        try:
            processes = Supervisor(self._workspace.root / SOCKET).processes()
        except (OSError, SupervisorError):
            return None  # busy; asked again
        return next((each for each in processes if each.name == self._target.name), None)


def _workers(workspace: Workspace) -> frozenset[int]:
    """The workers of the nginx that runs here. Raises Refused where they cannot be seen."""
    master = running_master(workspace.root)
    found = None if master is None else workers(master)
    if not found:
        raise Refused("the workers of nginx cannot be seen here")
    return found
