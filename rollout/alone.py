"""Guardrails that look at v2 alone: plainly bad, or gone. They need no v1 to compare with.

They are what is left where v2 has all of the traffic. As in rollout.guardrail one user counts a
few times at most, and several must be hit. Pure; standard library only.
"""

import math
from collections import Counter
from dataclasses import dataclass

from rollout.guardrail import MIN_USERS, MOST_EVENTFUL, Evidence


@dataclass(frozen=True, slots=True)
class HardStopRule:
    """The share of v2's attempts that may fail, whatever v1 does."""

    limit: float = 0.05
    attempts: int = 50
    """Attempts before which it does not act."""
    threshold: float = 1e6
    """Evidence that rolls back: about how many attempts pass between two false alarms."""
    per_user: int = 2
    """Failures of one user that count, until the evidence is back at its floor."""

    @property
    def alternative(self) -> float:
        """The share that is found fastest: four times the limit."""
        return 4 * self.limit

    def factor(self, failed: bool) -> float:
        """Logarithm of what one attempt multiplies the evidence by."""
        if failed:
            return math.log(self.alternative / self.limit)
        return math.log((1 - self.alternative) / (1 - self.limit))

    def attempts_to_detect(self, share: float) -> float:
        """About how many attempts it takes where that share fails; infinite where it is blind.

        Wald's approximation: the threshold by the mean step.
        """
        drift = share * self.factor(True) + (1 - share) * self.factor(False)
        return max(self.attempts, math.log(self.threshold) / drift) if drift > 0 else math.inf


@dataclass(frozen=True, slots=True)
class OutageRule:
    """When v2 counts as gone."""

    attempts: int = 4
    """Failed attempts in a row without a single answer."""
    seconds: float = 5.0
    """They must span this long: a crash that is over at once hits many requests at once."""


class HardStop:
    """Are more of v2's attempts failing than the limit allows? Watched, with restart.

    A cumulative sum for Bernoulli observations: an attempt that fails multiplies the evidence
    by q1 / q0, one that does not by (1 - q1) / (1 - q0), below 1 it starts again. Reynolds and
    Stoumbos, A CUSUM chart for monitoring a proportion when inspecting continuously, J. Quality
    Technology 31 (1999). With a failing share of the limit or less the mean number of attempts
    until a false alarm is at least the threshold (Lorden, as above).
    """

    def __init__(self, rule: HardStopRule) -> None:
        self._rule = rule
        self._on_failure, self._on_success = rule.factor(True), rule.factor(False)
        self._log_threshold = math.log(rule.threshold)
        self._log_e = 0.0
        self._attempts = 0
        self._failed: Counter[str] = Counter()
        self.reached = False

    def attempt(self, failed: bool, user: str) -> None:
        """One attempt of v2."""
        if self._failed.get(user, 0) >= self._rule.per_user:
            self._attempts += 1
        elif not failed:
            self.passed()
        elif not self.reached:
            self._attempts += 1
            self._log_e += self._on_failure
            self._failed[user] += 1
            if len(self._failed) > MOST_EVENTFUL:
                self._failed.clear()
            self._look()

    def passed(self, count: int = 1) -> None:
        """So many attempts, one after the other, that did not fail."""
        self._attempts += count
        if self.reached:
            return
        self._log_e += count * self._on_success
        if self._log_e <= 0.0:
            self._log_e = 0.0
            self._failed.clear()
        self._look()

    def _look(self) -> None:
        self.reached = (
            self._log_e >= self._log_threshold
            and self._attempts >= self._rule.attempts
            and len(self._failed) >= MIN_USERS
        )

    @property
    def evidence(self) -> Evidence:
        """Where it stands."""
        failed, users = self._failed.total(), len(self._failed)
        return Evidence(self._log_e, self._log_threshold, self.reached, 0, failed, users)


class Outage:
    """Has v2 stopped answering, while v1 answers?

    nginx leaves a server alone for 2 to 3 s after one failure (max_fails, fail_timeout in
    nginx/upstreams.conf): a dead v2 leaves one failed attempt every 3 s, and all else goes to v1
    at once. What went there counts against v2, but not one by one: a single lost
    connection sends that many that way. So it takes several attempts that fail with not
    one answer between them, for some seconds. No statistics: a rule.
    """

    def __init__(self, rule: OutageRule) -> None:
        self._rule = rule
        self._since: float | None = None
        self._attempts = self._unanswered = self._v1_answers = self._v1_failures = 0
        self._users: set[str] = set()
        self._seconds = 0.0
        self.reached = False

    def answered(self) -> None:
        """v2 answered somebody."""
        if self._since is not None and not self.reached:
            self._since = None
            self._attempts = self._unanswered = self._v1_answers = self._v1_failures = 0
            self._users.clear()
            self._seconds = 0.0

    def unanswered(self, time: float, user: str, attempts: int) -> None:
        """v2 did not answer a canary request: so many failed attempts, 0 if it was not asked."""
        if self._since is None:
            if attempts == 0:
                return  # the failure that this follows from is not ours to see
            self._since = time
        self._attempts += attempts
        self._unanswered += 1
        if len(self._users) < MIN_USERS:
            self._users.add(user)
        self._seconds = max(self._seconds, time - self._since)
        self.reached = self.reached or (
            self._attempts >= self._rule.attempts
            and self._seconds >= self._rule.seconds
            and len(self._users) >= MIN_USERS
            and self._v1_answers > self._v1_failures
        )

    def v1(self, answered: bool) -> None:
        """What v1 did with a request, its own or one that v2 left to it."""
        if self._since is not None:
            self._v1_answers += answered
            self._v1_failures += not answered

    @property
    def attempts(self) -> int:
        """Failed attempts since v2 last answered."""
        return self._attempts

    @property
    def unanswered_requests(self) -> int:
        """Canary requests since v2 last answered."""
        return self._unanswered

    @property
    def seconds(self) -> float:
        """How long v2 has not answered."""
        return self._seconds
