"""The kill drill itself: ends one instance under load and watches what happens."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from math import ceil

from gateway.accesslog import Access
from gateway.canary import read_experiment
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
CONTROL = {"X-Experiment-Group": "control"}
"""What asks for the first version, also while a canary runs (nginx/conf.d/experiment.conf)."""
RATE = 80.0
"""Requests a second, where nobody says otherwise."""
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

    One that is drained gets no requests, so its end would show nothing.

    Raises Refused unless all of that version and nginx are ready, and others remain; OSError or
    SupervisorError when process-compose does not answer; ConfigurationError when nobody knows
    what is drained.
    """
    drained = read_experiment(workspace.root).drained
    stable = {each.name: each for each in workspace.stable if each.name != drained}
    if name is not None and name == drained:
        raise Refused(f"{name} is drained: first `python -m dashboard canary --undrain {name}`")
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


def usual_rate(workspace: Workspace) -> float:
    """RATE, or what one address may send on a machine that has no more."""
    one = available(workspace.settings, DRILL_SOURCES) == NO_CHOICE
    return float(PER_SOURCE) if one else RATE


def drill(
    workspace: Workspace,
    target: Target,
    rate: float,
    tell: Callable[[Phase], None],
    *,
    count: Callable[[int, int], None] = lambda answered, wrong: None,
    stop: threading.Event | None = None,
) -> Report:
    """Kill the target under `rate` requests a second; `tell` hears of each phase.

    `count` hears again and again how many requests have been answered or given up, and how
    many of them went wrong. Once `stop` is set the drill ends, and reports what it has seen.

    Raises Refused when the process may not be killed or is gone already, ValueError for a
    rate that cannot be sent, ConfigurationError, OSError.
    """
    addresses = sources(workspace, rate)
    # All of it to the version whose instance is killed, whatever the canary takes.
    load = SteadyLoad(workspace, addresses, rate, USER_AGENT, CONTROL)
    wait = _Wait(stop or threading.Event(), lambda: count(*load.counts()))
    killed = ready_again = None
    accesses: list[Access] = []
    with closing(follow_from_end(workspace.root)) as log:
        tell(Phase.LOAD)
        load.start()
        try:
            wait.seconds(BEFORE_S)
            if not wait.stopped and not unclean(load.answers()):
                killed = _kill(target)
                tell(Phase.KILLED)
                ready_again = wait.until(lambda: _is_ready_again(workspace, target), READY_S)
            if ready_again is not None:
                tell(Phase.READY_AGAIN)
                since = ready_again
                if wait.until(lambda: _serves_again(log, target, since, accesses), SERVING_S):
                    tell(Phase.SERVING_AGAIN)
                wait.seconds(AFTER_S)
        finally:
            answers = load.stop()
        count(*load.counts())
        accesses += _new(log)
    return report(
        Measured(
            victim=target.instance,
            pid=target.pid,
            rate=rate,
            sources=len(addresses),
            answers=answers,
            run=load.run,
            accesses=tuple(accesses),
            killed=killed,
            ready_again=ready_again,
            stopped=wait.stopped,
        )
    )


class _Wait:
    """Waits in short steps, does something at each, and gives up when it is told to stop."""

    def __init__(self, stop: threading.Event, each: Callable[[], None]) -> None:
        self._stop, self._each = stop, each

    @property
    def stopped(self) -> bool:
        """Whether somebody has said stop."""
        return self._stop.is_set()

    def seconds(self, seconds: float) -> None:
        """Wait so long."""
        self.until(lambda: False, seconds)

    def until(self, condition: Callable[[], bool], seconds: float) -> float | None:
        """When `condition` was true (time.time()), None if not within so many seconds."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.stopped:
            if condition():
                return time.time()
            self._each()
            self._stop.wait(_POLL_S)
        return None


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


def _is_ready_again(workspace: Workspace, target: Target) -> bool:
    """Whether there is a new process of the same name, and it is ready."""
    try:
        processes = Supervisor(workspace.root / SOCKET).processes()
    except (OSError, SupervisorError):
        return False  # busy; asked again
    process = next((each for each in processes if each.name == target.instance.name), None)
    return process is not None and process.pid != target.pid and _is_up(process)


def _serves_again(log: Follower, target: Target, since: float, accesses: list[Access]) -> bool:
    """Whether the new process has answered a request; `accesses` takes what was read."""
    fresh = _new(log)
    accesses += fresh
    return any(a.upstream == target.instance.address and a.time >= since for a in fresh)


def _new(log: Follower) -> list[Access]:
    """Everything that the log holds by now."""
    found = log.read()
    while not log.caught_up:
        found += log.read()
    return found


def _is_up(process: Process | None) -> bool:
    # Signalling pid 0 or 1 would reach this program's own group, or all that runs here.
    return process is not None and process.is_ready and process.pid > 1
