"""The drill itself: kills or freezes one process under load and watches what happens."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from enum import Enum
from math import ceil

from gateway.accesslog import Access
from gateway.follow import Follower
from probes.addresses import DRILL_SOURCES, available
from probes.drill_report import Measured, Report, report, unclean
from probes.drill_target import Fault, Refused, Sight, Target
from probes.exchange import NOTHING
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
READY_S = 120.0
"""process-compose gives a frozen process thirty probes of up to 2 s and its end 3 s more, and the
next one has 30 s to start."""
SERVING_S = 6.0
"""nginx tries an instance again after its fail_timeout (nginx/upstreams.conf)."""
_POLL_S = 0.05


class Phase(Enum):
    """How far a drill is."""

    LOAD = "load"
    KILLED = "killed"
    """Or frozen."""
    READY_AGAIN = "ready again"
    SERVING_AGAIN = "serving again"


def sources(workspace: Workspace, rate: float) -> tuple[str, ...]:
    """As many addresses as `rate` requests a second need. Raises ValueError for too many."""
    addresses = available(workspace.settings, DRILL_SOURCES)
    if not 0 < rate <= PER_SOURCE * len(addresses):
        raise ValueError(
            f"--rate {rate:g}: choose more than 0, up to {PER_SOURCE * len(addresses)}"
        )
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
    """Hit the target under `rate` requests a second; `tell` hears of each phase.

    `count` hears again and again how many requests have been answered or given up, and how
    many of them went wrong. Once `stop` is set the drill ends, and reports what it has seen.

    Raises Refused when the process may not be killed or is gone already, ValueError for a
    rate that cannot be sent, ConfigurationError, SupervisorError, OSError.
    """
    addresses = sources(workspace, rate)
    # All of it to the version whose instance is hit, whatever the canary takes; for any other
    # target as everybody's.
    headers = CONTROL if target.stable else NOTHING
    load = SteadyLoad(workspace, addresses, rate, USER_AGENT, headers)
    wait = _Wait(stop or threading.Event(), lambda: count(*load.counts()))
    sight = Sight(workspace, target)
    killed = detected = ready_again = None
    accesses: list[Access] = []
    with closing(follow_from_end(workspace.root)) as log:
        tell(Phase.LOAD)
        load.start()
        try:
            wait.seconds(BEFORE_S)
            if not wait.stopped and not unclean(load.answers()):
                killed = _hit(target)
                tell(Phase.KILLED)
                detected, ready_again = _watch(sight, target, wait)
            if ready_again is not None:
                tell(Phase.READY_AGAIN)
                since = ready_again
                if target.instance is not None and wait.until(
                    lambda: _serves_again(log, target, since, accesses), SERVING_S
                ):
                    tell(Phase.SERVING_AGAIN)
                wait.seconds(AFTER_S)
        finally:
            answers = load.stop()
            if killed is not None and target.fault is Fault.FREEZE:
                with suppress(ProcessLookupError):  # ended by process-compose, as it should be
                    os.kill(target.pid, signal.SIGCONT)
        count(*load.counts())
        accesses += _new(log)
    return report(
        Measured(
            target=target,
            rate=rate,
            sources=len(addresses),
            answers=answers,
            run=load.run,
            accesses=tuple(accesses),
            killed=killed,
            detected=detected,
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


def _watch(sight: Sight, target: Target, wait: _Wait) -> tuple[float | None, float | None]:
    """When it was noticed, and when it was ready again."""
    detected: list[float] = []

    def back() -> bool:
        if not detected and sight.is_noticed():
            detected.append(time.time())
            if target.needs_a_person:
                sight.repair()
        return sight.is_back()

    ready_again = wait.until(back, READY_S)
    return (detected[0] if detected else None), ready_again


def _hit(target: Target) -> float:
    begun = time.time()  # before: what follows from it must not be earlier
    number = signal.SIGKILL if target.fault is Fault.KILL else signal.SIGSTOP
    try:
        os.kill(target.pid, number)
    except ProcessLookupError:
        raise Refused(f"{target.name} (pid {target.pid}) ended by itself") from None
    except PermissionError:
        text = f"no right to {target.fault.value} pid {target.pid}"
        raise Refused(f"{text}: run the drill as who started the workspace") from None
    return begun


def _serves_again(log: Follower, target: Target, since: float, accesses: list[Access]) -> bool:
    """Whether the new process has answered a request; `accesses` takes what was read."""
    fresh = _new(log)
    accesses += fresh
    address = None if target.instance is None else target.instance.address
    return any(a.upstream == address and a.time >= since for a in fresh)


def _new(log: Follower) -> list[Access]:
    """Everything that the log holds by now."""
    found = log.read()
    while not log.caught_up:
        found += log.read()
    return found
