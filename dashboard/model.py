"""The state of the stack, folded from events. Pure: no clock, no file, no socket.

Hits are counted by the second in which nginx finished them, so a window holds the same
requests as the log between the same two times, however late they were read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any, TypeVar

from dashboard.events import (
    Declared,
    Event,
    ExperimentState,
    GatewayState,
    Hit,
    LogProgress,
    Marked,
    ProcessLog,
    ProcessStates,
    PrometheusState,
    RayState,
    RolloutState,
    ServiceHealth,
    SourceName,
    SourceState,
    SourceStatus,
    TrialBegun,
    TrialEnded,
    TrialStep,
    Workspace,
)
from dashboard.strangers import Strangers
from dashboard.tally import GATEWAY, Tally, count, merged
from dashboard.trials.base import Trial, TrialName, TrialState
from dashboard.trials.registry import new_state
from dashboard.window import LONGEST_S, Window
from gateway.accesslog import Access
from gateway.cohort import Cohort
from gateway.supervisor import Process
from gateway.versions import version_served

_State = TypeVar("_State", bound=TrialState)

RECENT = 5_000
"""Requests that are kept whole, for the Traffic screen."""
# Names of instances come from the log: whatever happens there, memory is bounded.
_MOST_NAMES = 64
_OTHER = "other"


class Model:
    """What is known, and how old it is."""

    def __init__(self) -> None:
        self.url = ""
        self.instances: tuple[Declared, ...] = ()
        self.processes: dict[str, Process] = {}
        self.health: ServiceHealth | None = None
        self.gateway: GatewayState | None = None
        self.prometheus: PrometheusState | None = None
        self.ray: RayState | None = None
        self.experiment: ExperimentState | None = None
        """What is tried; None where nobody has said (a recording from before)."""
        self.rollout: RolloutState | None = None
        self.log: LogProgress | None = None
        self.statuses: dict[SourceName, SourceStatus] = {}
        """The last word of each source."""
        self.fresh_at: dict[SourceName, float] = {}
        """When each source last delivered."""
        self.ready_since: dict[str, tuple[bool, float | None]] = {}
        """For each process whether it is ready, and since when; None if it always was so."""
        self.totals = Tally()
        """Every request ever folded."""
        self.seconds: dict[int, Tally] = {}
        """The requests of the last five minutes, by second since the epoch."""
        self.recent: deque[Access] = deque(maxlen=RECENT)
        self.marked_at: float | None = None
        """Since when Window.ALL counts; None: from the start of the log."""
        self._at_mark = Tally()
        self.hits = 0
        self.first_hit_at: float | None = None
        """When the earliest request ended."""
        self.last_hit_at = 0.0
        """When the last request ended; never later than it was read."""
        self.trials: dict[TrialName, Trial] = {}
        """The last run of each test."""
        self.process_logs: dict[str, ProcessLog] = {}
        """The last lines of each process that somebody looked at."""
        self._names: dict[str, str] = {}
        self._strangers = Strangers()
        self._seen_names: set[str] = set()
        # Of some events only the last one is of interest.
        self._folds: dict[type[Any], Callable[[Any], None]] = {
            Hit: self._hit,
            Workspace: self._workspace,
            LogProgress: partial(setattr, self, "log"),
            ProcessStates: self._process_states,
            ServiceHealth: partial(setattr, self, "health"),
            GatewayState: partial(setattr, self, "gateway"),
            PrometheusState: partial(setattr, self, "prometheus"),
            RayState: partial(setattr, self, "ray"),
            ExperimentState: partial(setattr, self, "experiment"),
            RolloutState: partial(setattr, self, "rollout"),
            SourceStatus: self._source_status,
            ProcessLog: self._process_log,
            Marked: self._marked,
            TrialBegun: self._trial_begun,
            TrialStep: self._trial_step,
            TrialEnded: self._trial_ended,
        }

    def apply(self, event: Event) -> None:
        """Fold one event in."""
        self._folds[type(event)](event)

    def copy(self) -> Model:
        """The state as it is now, for a screen that is frozen."""
        frozen = Model()
        for name, value in vars(self).items():
            if name != "_folds":
                copied = value.copy() if isinstance(value, dict | set | deque | Tally) else value
                setattr(frozen, name, copied)
        # The only values inside them that change.
        frozen.seconds = {second: tally.copy() for second, tally in self.seconds.items()}
        frozen.trials = deepcopy(self.trials)
        return frozen

    def window(self, window: Window, now: float) -> Tally:
        """The requests of the present second and of those before it, as many as it is long."""
        if window is Window.ALL:
            return self.totals if self.marked_at is None else self.totals.minus(self._at_mark)
        last, length = int(now), window.value
        return merged(t for second, t in self.seconds.items() if last - length < second <= last)

    def window_seconds(self, window: Window, now: float) -> float:
        """How long that is; the present second counts as far as it has gone."""
        if window is Window.ALL:
            since = self.first_hit_at if self.marked_at is None else self.marked_at
            return max(1.0, now - (now if since is None else since))
        return window.value - 1 + now - int(now) or 1.0

    def rates(self, who: str | None, now: float, length: int) -> list[int]:
        """Requests in each of the last `length` complete seconds, oldest first."""
        last = int(now)
        empty = Tally()
        return [self.seconds.get(second, empty).total(who) for second in range(last - length, last)]

    def statuses_by_second(self, now: float, length: int) -> dict[int, list[int]]:
        """The same for each hundred of the status (2, 3, 4, 5; 0 for none at all)."""
        found: dict[int, list[int]] = {hundred: [0] * length for hundred in (2, 3, 4, 5)}
        first = int(now) - length
        for index in range(length):
            tally = self.seconds.get(first + index)
            if tally is not None:
                for (_, status), number in tally.answers.items():
                    if status // 100 in found:
                        found[status // 100][index] += number
        return found

    def name_of(self, address: str) -> str:
        """The instance at an address, the address itself for one that is not declared."""
        return self._names.get(address, address)

    def answered_by(self, access: Access) -> str:
        """Who gave the answer; GATEWAY where nginx did."""
        attempts = access.upstream_attempts
        if not attempts:
            return GATEWAY
        name = self._names.get(attempts[-1].address)
        return name if name is not None else self._undeclared(access)

    def version_of(self, name: str) -> str:
        """The version an instance serves, "" if nobody knows."""
        served = {declared.name: declared.version for declared in self.instances}
        return version_served(name, served) or ""

    @property
    def drained(self) -> str | None:
        """The instance that gets no new requests, None if there is none."""
        return None if self.experiment is None else self.experiment.drained

    def is_fallback(self, access: Access) -> bool:
        """Whether the first version answered in the stead of the one that the canary tries."""
        if access.cohort != Cohort.CANARY.value or not self.instances:
            return False
        return self.version_of(self.answered_by(access)) == self.first_version

    @property
    def first_version(self) -> str:
        """What everybody gets where nothing is tried, "" if nothing is declared."""
        return self.instances[0].version if self.instances else ""

    def age(self, source: SourceName, now: float) -> float | None:
        """Seconds since a source last delivered, None if it never has."""
        at = self.fresh_at.get(source)
        return None if at is None else max(0.0, now - at)

    def trial(self, name: TrialName, kind: type[_State]) -> tuple[Trial | None, _State]:
        """The last run of a test and what it has shown; an empty state before the first."""
        trial = self.trials.get(name)
        if trial is None or not isinstance(trial.state, kind):
            return None, kind()
        return trial, trial.state

    def _hit(self, hit: Hit) -> None:
        access = hit.access
        attempts = access.upstream_attempts
        failed: tuple[str, ...] = ()
        if len(attempts) > 1:
            failed = tuple(self._bounded(self.name_of(a.address)) for a in attempts if a.retried)
        second = int(access.time)
        tally = self.seconds.get(second)
        if tally is None:
            self._forget(int(hit.at))
            tally = self.seconds[second] = Tally()
        who, fallback = self.answered_by(access), self.is_fallback(access)
        stranger = access.upstream in self._names and self._strangers.is_one(access, who)
        both = tally, self.totals
        count(access, who, failed, both, fallback=fallback, stranger=stranger)
        self.recent.append(access)
        self.hits += 1
        self.last_hit_at = max(min(self.last_hit_at, hit.at), min(access.time, hit.at))
        if self.first_hit_at is None or access.time < self.first_hit_at:
            self.first_hit_at = access.time

    def _forget(self, now: int) -> None:
        """Make room: first go seconds to come, of a clock since set back; then the oldest."""
        while len(self.seconds) > LONGEST_S:
            latest = max(self.seconds)
            del self.seconds[latest if latest > now else min(self.seconds)]

    def _undeclared(self, access: Access) -> str:
        return self._bounded(access.instance or access.upstream_attempts[-1].address)

    def _bounded(self, name: str) -> str:
        if name not in self._seen_names:
            if len(self._seen_names) >= _MOST_NAMES:
                return _OTHER
            self._seen_names.add(name)
        return name

    def _workspace(self, event: Workspace) -> None:
        self.url = event.url
        self.instances = event.instances
        self._names = {declared.address: declared.name for declared in event.instances}

    def _process_states(self, event: ProcessStates) -> None:
        self.processes = {process.name: process for process in event.processes}
        for process in event.processes:
            before = self.ready_since.get(process.name)
            if before is None or before[0] != process.is_ready:
                since = None if before is None else event.at
                self.ready_since[process.name] = (process.is_ready, since)

    def _source_status(self, event: SourceStatus) -> None:
        self.statuses[event.source] = event
        if event.state is SourceState.FRESH:
            self.fresh_at[event.source] = event.at

    def _process_log(self, event: ProcessLog) -> None:
        self.process_logs[event.process] = event

    def _marked(self, event: Marked) -> None:
        self.marked_at = event.at if event.on else None
        self._at_mark = self.totals.copy() if event.on else Tally()

    def _trial_begun(self, event: TrialBegun) -> None:
        before = self.trials.get(event.trial)
        state = new_state(event.trial, before.state if before else None)
        self.trials[event.trial] = Trial(state, event.at)

    def _trial_step(self, event: TrialStep) -> None:
        # A recording may begin in the middle of a trial.
        if event.trial not in self.trials:
            self.trials[event.trial] = Trial(new_state(event.trial), event.at)
        self.trials[event.trial].state.apply(event.step)

    def _trial_ended(self, event: TrialEnded) -> None:
        trial = self.trials.get(event.trial)
        if trial is not None:
            trial.ended, trial.problem, trial.stopped = event.at, event.problem, event.stopped
