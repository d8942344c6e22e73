"""Folds the lines of the logs into what a step of a rollout has shown so far. Pure.

Memory is bounded: the users of a step as hashes (rollout.split), the events of guardrails since
their floor (rollout.guardrail), a window of times of v1, a minute of counts by the second.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.accesslog import Access, UpstreamAttempt
from gateway.cohort import Cohort
from gateway.shadow_log import Join, Shadow
from rollout.alone import HardStop, Outage
from rollout.guardrail import Comparison, Evidence
from rollout.plan import Plan
from rollout.slow import Slow, untied
from rollout.split import MOST_USERS, Split, SplitCounts

RATE_SECONDS: Final = 60
"""Over how long requests per second are counted."""

_GONE: Final = 499
"""nginx: the client closed the connection."""
_COUNTED: Final = frozenset({Cohort.V1.value, Cohort.CANARY.value})
"""Who asked for a version by header (debug, control) chose it: not comparable."""


@dataclass(frozen=True, slots=True)
class Observations:
    """What a step has shown. Everything but `shadow_*` and `outage_*` is from after the warm-up."""

    weight: int = 0
    warm_at: float = 0.0
    """When the warm-up ends, in seconds since the epoch."""
    last_request: float | None = None
    """When the last request came, warm-up included."""
    requests_v1: int = 0
    """Requests meant for v1; neither here nor below is one that asked for a version by header."""
    requests_v2: int = 0
    attempts_v1: int = 0
    attempts_v2: int = 0
    failed_v1: int = 0
    failed_v2: int = 0
    fallbacks: int = 0
    """Canary requests that v1 was asked for: v2 had failed, now or just before."""
    users_v2: int = 0
    """Distinct users of v2, named ones; where there is no name, distinct addresses."""
    split: SplitCounts = field(default_factory=SplitCounts)
    rate: float = 0.0
    """Requests per second, v1 and v2 together, over the last minute."""
    rate_v2: float = 0.0
    failed: Evidence = field(default_factory=Evidence)
    slow: Evidence = field(default_factory=Evidence)
    slow_over: float | None = None
    """Seconds above which an answer is slow now (v1's 90th percentile), None: not measured."""
    hard_stop: Evidence = field(default_factory=Evidence)
    outage: bool = False
    outage_seconds: float = 0.0
    outage_attempts: int = 0
    outage_requests: int = 0
    shadow_pairs: int = 0
    shadow_same: int = 0
    shadow_failed: int = 0


class Observer:
    """What happens at one step. Make a new one when a step begins."""

    def __init__(
        self, plan: Plan, weight: int, began: float, changed: float, versions: Mapping[str, str]
    ) -> None:
        """`began`: what ended earlier is left out. `changed`: when the weight last changed.

        `versions`: "v1" or "v2" by the address of an instance (host:port).
        """
        rails = plan.guardrails
        self._warm_up = plan.warm_up
        self._began = began
        self._warm_at = max(began, changed + plan.warm_up)
        self._weight = weight
        self._versions = versions
        self._failed = Comparison(rails.failed, weight)
        self._slow = Slow(rails.slow, weight)
        self._hard_stop = HardStop(rails.hard_stop)
        self._outage = Outage(rails.outage)
        self._split = Split(weight)
        self._nameless: set[int] = set()
        self._join = Join()
        self._last: float | None = None
        self._seconds: dict[int, list[int]] = {}
        self._requests = [0, 0]
        self._attempts = [0, 0]
        self._failures = [0, 0]
        self._fallbacks = 0

    def restarted(self, time: float) -> None:
        """An instance has been started again: what comes right after is warm-up."""
        self._warm_at = max(self._warm_at, time + self._warm_up)

    def copy(self, shadow: Shadow) -> None:
        """A line of the shadow log, in any order with the others."""
        if shadow.time >= self._began:
            self._join.copy(shadow)

    def request(self, access: Access) -> None:
        """A line of the access log."""
        started = access.time - access.request_time
        if started < self._began:
            return
        self._join.original(access)
        if access.cohort not in _COUNTED or not access.upstream_attempts:
            return
        v2 = access.cohort == Cohort.CANARY.value
        user = f"u:{access.user_id}" if access.user_id else f"a:{access.remote_addr}"
        self._clock(access.time, v2)
        asked, bad = self._asked(access, v2)
        self._watch_outage(access, v2, user, asked, bad)
        if started < self._warm_at:
            return
        self._requests[v2] += 1
        for version in (0, 1):
            self._attempts[version] += asked[version]
            self._failures[version] += bad[version]
        self._fallbacks += v2 and asked[0] > 0
        self._users(access, v2)
        # By whom the request was meant for: v1 repairing what v2 broke is no attempt of v1's own.
        self._failed.request(v2, user, bad[v2] > 0)
        if v2:
            for number in range(asked[1]):
                self._hard_stop.attempt(number < bad[1], user)
        if asked[v2] == 1 and not bad[v2]:
            attempt = access.upstream_attempts[0]
            time = access.request_time if access.status == _GONE else attempt.time
            if time is not None:
                time = untied(time, access.time, access.request_id)
                self._slow.answer(v2, user, access.time, time)

    def snapshot(self) -> Observations:
        """What has been seen so far."""
        both, canary = self._rates()
        agreement = self._join.agreement
        return Observations(
            weight=self._weight,
            warm_at=self._warm_at,
            last_request=self._last,
            requests_v1=self._requests[0],
            requests_v2=self._requests[1],
            attempts_v1=self._attempts[0],
            attempts_v2=self._attempts[1],
            failed_v1=self._failures[0],
            failed_v2=self._failures[1],
            fallbacks=self._fallbacks,
            users_v2=self._split.counts.v2 + len(self._nameless),
            split=self._split.counts,
            rate=both,
            rate_v2=canary,
            failed=self._failed.evidence,
            slow=self._slow.evidence,
            slow_over=self._slow.limit,
            hard_stop=self._hard_stop.evidence,
            outage=self._outage.reached,
            outage_seconds=self._outage.seconds,
            outage_attempts=self._outage.attempts,
            outage_requests=self._outage.unanswered_requests,
            shadow_pairs=agreement.pairs,
            shadow_same=agreement.same,
            shadow_failed=agreement.failed,
        )

    def _asked(self, access: Access, v2: bool) -> tuple[list[int], list[int]]:
        """How many attempts went to v1 and to v2, and how many of them failed."""
        asked, bad = [0, 0], [0, 0]
        last = len(access.upstream_attempts) - 1
        for number, attempt in enumerate(access.upstream_attempts):
            version = self._versions.get(attempt.address)
            # No address but the name of an upstream: none of its servers was to be had.
            at = v2 if version is None else version == "v2"
            asked[at] += 1
            bad[at] += _has_failed(attempt, access.status == _GONE and number == last)
        return asked, bad

    def _watch_outage(
        self, access: Access, v2: bool, user: str, asked: list[int], bad: list[int]
    ) -> None:
        """In the warm-up, too: that v2 does not answer at all has nothing to do with warmth."""
        if v2 and asked[1] > bad[1]:
            self._outage.answered()
        elif v2:
            self._outage.unanswered(access.time, user, bad[1])
        if asked[0]:
            self._outage.v1(asked[0] > bad[0])

    def _users(self, access: Access, v2: bool) -> None:
        if access.user_id:
            self._split.user(access.user_id, v2)
        elif v2 and len(self._nameless) < MOST_USERS:
            # An address is no bucket key (those have a cookie that is not in the log): such
            # users stay out of the split.
            self._nameless.add(hash(access.remote_addr))

    def _clock(self, time: float, v2: bool) -> None:
        # The one that was read last, not the latest: one line of a clock that was wrong for a
        # moment would be the latest for ever.
        self._last = time
        second = self._seconds.setdefault(int(time), [0, 0])
        second[v2] += 1
        if len(self._seconds) > 2 * RATE_SECONDS:
            oldest = int(self._last) - RATE_SECONDS
            last = int(time)
            self._seconds = {at: n for at, n in self._seconds.items() if oldest <= at <= last}

    def _rates(self) -> tuple[float, float]:
        if self._last is None:
            return 0.0, 0.0
        last = int(self._last)
        window = [n for at, n in self._seconds.items() if last - RATE_SECONDS <= at < last]
        seconds = min(RATE_SECONDS, max(1, last - int(self._began)))
        canary = sum(n[1] for n in window)
        return (sum(n[0] for n in window) + canary) / seconds, canary / seconds


def _has_failed(attempt: UpstreamAttempt, gone: bool) -> bool:
    """No answer, or one from 500 on. A client that left has not been failed by anybody."""
    if attempt.status is None:
        return not gone
    return attempt.status >= 500
