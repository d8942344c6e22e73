"""The comparison of v2 with v1: are more failed (or slow) requests v2's than its share explains?

A sum that takes one request at a time and needs neither the past nor a planned length. Evidence
is kept as a logarithm. Blind to trouble that both versions share, and void where v2 has all of
the traffic: rollout.alone guards there. One user counts a few times at most, and several must be
hit: neither a lone failure nor one user with an input that breaks v2 ends a rollout. Pure;
standard library only.
"""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Final

MIN_USERS: Final = 4
"""Different users that must have been hit for a guardrail to act."""

_SHARE_PRIOR: Final = 200.0
"""Requests for which the configured weight counts in the estimate of v2's share."""
_SHARE_MEMORY: Final = 20_000.0
"""Requests after which older ones count half: users come and go."""
MOST_EVENTFUL: Final = 20_000
"""Users with an event remembered at most; beyond it all are forgotten, and may count again."""
_RUN: Final = 256
"""Events kept since the evidence last was at its floor, for recomputing a decision."""


@dataclass(frozen=True, slots=True)
class ComparisonRule:
    """How much more often than v1 v2 may be the one that failed (or was slow)."""

    allowed: float
    """Ratio of v2's rate to v1's up to which nothing is wrong."""
    alternative: float
    """Ratio that is found fastest."""
    threshold: float
    """Evidence that rolls back: about how many such events pass between two false alarms."""
    per_user: int
    """Events of one user that count, until the evidence is back at its floor; fewer at small
    weights, so that one user never brings more than a third of the way to the threshold."""

    def chances(self, share: float) -> tuple[float, float]:
        """The chance that an event is v2's at `allowed` and at `alternative` (p0 and p1)."""
        return _chance(self.allowed, share), _chance(self.alternative, share)

    def factor(self, v2: bool, share: float) -> float:
        """Logarithm of what one event multiplies the evidence by."""
        p0, p1 = self.chances(share)
        return math.log(p1 / p0) if v2 else math.log((1 - p1) / (1 - p0))

    def most_of_one(self, weight: int) -> int:
        """How many events of one user count at that weight."""
        if not 0 < weight < 100:
            return self.per_user
        third = math.log(self.threshold) / 3
        return max(1, min(self.per_user, int(third / self.factor(True, weight / 100))))

    def events_to_detect(self, weight: int) -> int:
        """Events of v2 alone, one after the other, that reach the threshold at that weight.

        0 where there is nothing to compare with (weight 0 and 100).
        """
        if not 0 < weight < 100:
            return 0
        return math.ceil(math.log(self.threshold) / self.factor(True, weight / 100))


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a guardrail stands."""

    log_e: float = 0.0
    """Logarithm of the evidence; 0 is the floor."""
    log_threshold: float = 0.0
    reached: bool = False
    """Has been reached; stays so."""
    v1: int = 0
    """Events of v1 counted since the evidence was at its floor."""
    v2: int = 0
    users: int = 0
    """Different users among those of v2."""
    void: bool = False
    """Nothing to compare with."""
    run: tuple[tuple[bool, float], ...] | None = ()
    """The events since the floor, each with whether it was v2's and v2's share of the requests
    then; None where there were too many to keep. `log_e` is recomputed from it."""


class Comparison:
    """Given that an attempt failed, was it v2's? Watched, with restart.

    With v2's share w of the requests and an allowed ratio r of the rates, a failure is v2's with
    the chance p0 = w r / (w r + 1 - w) at most, whatever the level of traffic or failures. Each
    failure of v2 multiplies the evidence by p1 / p0, each of v1 by (1 - p1) / (1 - p0), with p1
    the same chance at the alternative ratio; below 1 it starts again at 1. The conditional test
    of counts: Lindon and Malek, Anytime-valid inference for multinomial count data, NeurIPS
    2022; the restart: Page, Continuous inspection schemes, Biometrika 41 (1954). Under the null
    hypothesis the mean number of failures until a false alarm is at least the threshold
    (Lorden, Ann. Math. Stat. 42, 1971; Shin, Ramdas and Rinaldo, E-detectors, New England J.
    Statist. Data Sci., 2024). It controls that mean, not the chance of ever being wrong.

    w is what has been seen: with users of very different activity the share of the requests is
    not that of the users.
    """

    def __init__(self, rule: ComparisonRule, weight: int) -> None:
        """`weight` is the percentage of users that v2 has."""
        self._rule = rule
        self._void = not 0 < weight < 100
        self._most = rule.most_of_one(weight)
        self._exposed_v2 = _SHARE_PRIOR * weight / 100
        self._exposed = _SHARE_PRIOR
        self._log_threshold = math.log(rule.threshold)
        self._log_e = 0.0
        self._counted: Counter[str] = Counter()
        self._users_v2: set[str] = set()
        self._run: list[tuple[bool, float]] = []
        self._v1 = self._v2 = 0
        self.reached = False

    def request(self, v2: bool, user: str, happened: bool) -> None:
        """One request of v2 or of v1 (by whom it was meant for), and whether it was an event."""
        if self._void or self._counted.get(user, 0) >= self._most:
            return
        if happened:
            self.event(v2, user)
        self.expose(not v2, v2)

    def expose(self, v1: float, v2: float) -> None:
        """So many requests of each, of which nothing else is to be said."""
        self._exposed_v2 += v2
        self._exposed += v1 + v2
        if self._exposed > _SHARE_MEMORY:
            self._exposed_v2 /= 2
            self._exposed /= 2

    def event(self, v2: bool, user: str) -> None:
        """One failure. Beyond a user's part, and after the threshold, it does not count."""
        if self._void or self.reached or self._counted[user] >= self._most:
            return
        # Rounded: what is stored is what was used.
        share = min(0.999, max(0.001, round(self._exposed_v2 / self._exposed, 4)))
        self._log_e += self._rule.factor(v2, share)
        if self._log_e <= 0.0:
            self._restart()
            return
        self._counted[user] += 1
        self._v1 += not v2
        self._v2 += v2
        if v2:
            self._users_v2.add(user)
        if len(self._run) <= _RUN:
            self._run.append((v2, share))
        if len(self._counted) > MOST_EVENTFUL:
            self._counted.clear()
        self.reached = self._log_e >= self._log_threshold and len(self._users_v2) >= MIN_USERS

    @property
    def evidence(self) -> Evidence:
        """Where it stands."""
        return Evidence(
            self._log_e,
            self._log_threshold,
            self.reached,
            self._v1,
            self._v2,
            len(self._users_v2),
            self._void,
            tuple(self._run) if len(self._run) <= _RUN else None,
        )

    def _restart(self) -> None:
        self._log_e = 0.0
        self._v1 = self._v2 = 0
        self._counted.clear()
        self._users_v2.clear()
        self._run.clear()


def recompute(rule: ComparisonRule, run: tuple[tuple[bool, float], ...]) -> float:
    """The log evidence of the events since the floor, as Comparison came to it."""
    total = 0.0
    for v2, share in run:
        total += rule.factor(v2, share)
    return total


def _chance(ratio: float, share: float) -> float:
    return share * ratio / (share * ratio + 1 - share)
