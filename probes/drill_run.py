"""The kill drill itself: ends one instance under load and watches what happens."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from math import ceil

from gateway.accesslog import Access
from gateway.follow import Follower
from gateway.supervisor import SOCKET, Process, Supervisor, SupervisorError
from gateway.topology import Instance
from probes.addresses import DRILL_SOURCES, available
from probes.checks.files import NGINX
from probes.drill_report import Measured, Report, report, unclean
from probes.log_end import follow_from_end
from probes.sources import NO_CHOICE, PER_SOURCE
from probes.steady_load import SteadyLoad
from probes.workspace import Workspace

USER_AGENT = "switchyard-drill"
BEFORE_S = 2.0
"""Load before the kill, which shows that nothing else is wrong."""
AFTER_S = 1.0
"""Load after the new process has served."""
READY_S = 30.0
SERVING_S = 6.0
"""nginx tries an instance again after its fail_timeout (nginx/upstreams.conf)."""
_POLL_S = 0.05


class Refused(RuntimeError):
    """The stack is not in a state in which a drill says something; the text says why."""


class Phase(Enum):
    """How far a drill is."""

    LOAD = "load"
    KILLED = "killed"
    READY_AGAIN = "ready again"
    SERVING_AGAIN = "serving again"


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a drill kills."""

    instance: Instance
    pid: int


def choose(workspace: Workspace, name: str | None = None) -> Target:
    """The instance to kill: `name`, or the first one of the first version.

    Raises Refused unless all of that version and nginx are ready, and others remain; OSError or
    SupervisorError when process-compose does not answer.
    """
    stable = {instance.name: instance for instance in workspace.stable}
    if name is not None and name not in stable:
        raise Refused(f"there is no instance {name!r} to kill; there are {', '.join(stable)}")
    if len(stable) < 2:
        raise Refused(f"{next(iter(stable))} is alone: its end would be an outage, not a drill")
    processes = {each.name: each for each in Supervisor(workspace.root / SOCKET).processes()}
    needed = [*stable, NGINX]
    if missing := [each for each in needed if not _is_up(processes.get(each))]:
        raise Refused(f"not ready: {', '.join(missing)}; a drill needs all of {', '.join(needed)}")
    victim = stable[name or next(iter(stable))]
    return Target(victim, processes[victim.name].pid)


def sources(workspace: Workspace, rate: float) -> tuple[str, ...]:
    """As many addresses as `rate` requests a second need. Raises ValueError for too many."""
    addresses = available(workspace.settings, DRILL_SOURCES)
    if not 0 < rate <= PER_SOURCE * len(addresses):
        raise ValueError(f"--rate {rate:g}: choose up to {PER_SOURCE * len(addresses)}")
    if addresses == NO_CHOICE:
        return addresses
    # Half of what each may send, so that more are in flight at the same time.
    return addresses[: min(len(addresses), ceil(2 * rate / PER_SOURCE))]


def drill(
    workspace: Workspace, target: Target, rate: float, tell: Callable[[Phase], None]
) -> Report:
    """Kill the target under `rate` requests a second; `tell` hears of each phase.

    Raises Refused when the process may not be killed or is gone already, ValueError for a
    rate that cannot be sent, ConfigurationError, OSError.
    """
    addresses = sources(workspace, rate)
    load = SteadyLoad(workspace, addresses, rate, USER_AGENT)
    killed = ready_again = None
    accesses: list[Access] = []
    with closing(follow_from_end(workspace.root)) as log:
        tell(Phase.LOAD)
        load.start()
        try:
            time.sleep(BEFORE_S)
            if not unclean(load.answers()):
                killed = _kill(target)
                tell(Phase.KILLED)
                ready_again = _await_ready(workspace, target)
            if ready_again is not None:
                tell(Phase.READY_AGAIN)
                if _await_serving(log, target, ready_again, accesses):
                    tell(Phase.SERVING_AGAIN)
                time.sleep(AFTER_S)
        finally:
            answers = load.stop()
        accesses += _new(log)
    ours = tuple(access for access in accesses if access.request_id.startswith(load.run))
    return report(
        Measured(
            victim=target.instance,
            pid=target.pid,
            rate=rate,
            sources=len(addresses),
            answers=answers,
            accesses=ours,
            killed=killed,
            ready_again=ready_again,
        )
    )


def _kill(target: Target) -> float:
    begun = time.time()  # before: what follows from the kill must not be earlier
    try:
        os.kill(target.pid, signal.SIGKILL)
    except ProcessLookupError:
        raise Refused(f"{target.instance.name} (pid {target.pid}) ended by itself") from None
    except PermissionError:
        text = f"no right to kill pid {target.pid}: run the drill as who started the workspace"
        raise Refused(text) from None
    return begun


def _await_ready(workspace: Workspace, target: Target) -> float | None:
    """When a new process of the same name was ready, None if not within READY_S."""
    supervisor = Supervisor(workspace.root / SOCKET)
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        try:
            found = {each.name: each for each in supervisor.processes()}
        except (OSError, SupervisorError):
            found = {}  # busy; asked again
        process = found.get(target.instance.name)
        if process is not None and process.pid != target.pid and _is_up(process):
            return time.time()
        time.sleep(_POLL_S)
    return None


def _await_serving(
    log: Follower, target: Target, ready_again: float, accesses: list[Access]
) -> bool:
    """Whether the new process answers a request within SERVING_S."""
    deadline = time.monotonic() + SERVING_S
    while time.monotonic() < deadline:
        fresh = _new(log)
        accesses += fresh
        if any(a.upstream == target.instance.address and a.time >= ready_again for a in fresh):
            return True
        time.sleep(_POLL_S)
    return False


def _new(log: Follower) -> list[Access]:
    """Everything that the log holds by now."""
    found = log.read()
    while not log.caught_up:
        found += log.read()
    return found


def _is_up(process: Process | None) -> bool:
    # Signalling pid 0 or 1 would reach this program's own group, or all that runs here.
    return process is not None and process.is_ready and process.pid > 1
