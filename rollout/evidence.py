"""What counts say, and how sure one may be: pure functions of numbers.

A sign test that may be watched while it grows, and the figures of a final report. Every
function names its source. E-values are kept as logarithms, since thousands of clear
observations exceed what a float can hold.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from statistics import NormalDist, median

ALPHA = 0.05
"""How often a decision may be wrong when there is no difference."""

CONFIDENCE = 0.95

PRIOR = 40.0
"""Shape of the symmetric beta mixture, mean 0.5 and standard deviation 0.06: it looks for the
small differences that versions of one model have. Of 807 observations 56 : 44 was found in 85 %
of 2,000 simulated runs, with 1 (uniform) in 63 %; 80 : 20 takes 38 of them instead of 18."""

MAX_HORIZON = 10_000
"""Longest test for which a threshold is computed; it takes some seconds there."""


class Direction(StrEnum):
    """Which of the two is more frequent."""

    WINS = "wins"
    LOSSES = "losses"


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate between its confidence limits."""

    estimate: float
    low: float
    high: float


def log_e_sign(wins: int, losses: int, prior: float = PRIOR) -> float:
    """Logarithm of the evidence (e-value) against "a win is as likely as a loss".

    The likelihood ratio of a beta-binomial mixture to p = 1/2:
    B(a + w, a + l) / B(a, a) * 2^(w + l). A non-negative martingale that starts at 1 if p is
    1/2, so that it ever reaches 1 / alpha with probability alpha at most (Ville, 1939):
    stop whenever you like. Robbins, Statistical methods related to the law of the iterated
    logarithm, Ann. Math. Stat. 41 (1970); Johari, Koomen, Pekelis and Walsh, Always valid
    inference, Operations Research 70 (2022). On the pairs of which one side alone is right it
    is a sequential form of McNemar's test. Raises ValueError for negative counts.
    """
    if wins < 0 or losses < 0 or prior <= 0:
        raise ValueError("counts are not negative, and the prior is above 0")
    return (
        _log_beta(prior + wins, prior + losses)
        - _log_beta(prior, prior)
        + (wins + losses) * math.log(2.0)
    )


def exp(logarithm: float) -> float:
    """e to that power; infinite where a float ends."""
    try:
        return math.exp(logarithm)
    except OverflowError:
        return math.inf


@dataclass(frozen=True, slots=True)
class SignTest:
    """Wins against losses, looked at after every observation.

    The first time that the evidence reaches the threshold decides, for good: what comes later
    does not take it back. Of a win chance of 1/2 or less, "wins" is decided with at most the
    probability that `start` was given (a walk with a lower chance stays below one with 1/2).
    """

    log_threshold: float
    horizon: int | None
    """Observations after which the test is over, known before it began; None: open end."""
    prior: float = PRIOR
    wins: int = 0
    losses: int = 0
    peak: float = 0.0
    """The largest log e-value so far."""
    decision: Direction | None = None
    decided_after: int | None = None
    """Number of observations at the decision."""

    @classmethod
    def start(
        cls, horizon: int | None = None, alpha: float = ALPHA, prior: float = PRIOR
    ) -> SignTest:
        """A test without observations, of which at most `horizon` will come (None: no limit)."""
        return cls(log_threshold(horizon, alpha, prior), horizon, prior)

    def observe(self, win: bool) -> SignTest:
        """The test with one more observation. Raises ValueError beyond the horizon."""
        if self.horizon is not None and self.observations >= self.horizon:
            raise ValueError(f"the test was planned for {self.horizon} observations")
        wins, losses = self.wins + win, self.losses + (not win)
        log_e = log_e_sign(wins, losses, self.prior)
        later = replace(self, wins=wins, losses=losses, peak=max(self.peak, log_e))
        if self.decision is None and log_e >= self.log_threshold:
            ahead = Direction.WINS if wins > losses else Direction.LOSSES
            return replace(later, decision=ahead, decided_after=wins + losses)
        return later

    @property
    def observations(self) -> int:
        """So far."""
        return self.wins + self.losses

    @property
    def log_e(self) -> float:
        """The evidence now; the decision goes by its peak."""
        return log_e_sign(self.wins, self.losses, self.prior)

    @property
    def p_value(self) -> float:
        """Two-sided, and valid at whatever time one looks."""
        if not self.observations:
            return 1.0
        if self.horizon is None or self.horizon > MAX_HORIZON:
            return min(1.0, exp(-self.peak))
        return crossing_probability(self.peak, self.horizon, self.prior)


@lru_cache(maxsize=64)
def log_threshold(horizon: int | None, alpha: float = ALPHA, prior: float = PRIOR) -> float:
    """The log e-value that a watched test with an end reaches with probability alpha at most.

    Without an end, or one beyond MAX_HORIZON, log(1 / alpha). With one a lower threshold will
    do: found by bisection to 0.01, rounded up. Raises ValueError for an alpha out of range.
    """
    if not 0 < alpha < 1:
        raise ValueError("alpha lies between 0 and 1")
    high = -math.log(alpha)
    if horizon is None or horizon > MAX_HORIZON:
        return high
    low = 0.0
    while high - low > 0.01:
        middle = (low + high) / 2
        if crossing_probability(middle, horizon, prior) <= alpha:
            high = middle
        else:
            low = middle
    return high


def crossing_probability(log_e: float, horizon: int, prior: float = PRIOR) -> float:
    """The chance that the evidence is ever >= `log_e` within `horizon` fair observations.

    Exact, by the recursion over the walk |wins - losses| that has not crossed yet: Armitage,
    McPherson and Rowe, Repeated significance tests on accumulating data, J. R. Stat. Soc. A
    132 (1969). Takes horizon^1.5 steps.
    """
    inside = [1.0]  # the probability of each distance not yet crossed
    crossed = 0.0
    bound = 1  # the smallest distance that crosses
    for count in range(1, horizon + 1):
        # At one distance the evidence falls from one observation to the next: the bound moves
        # inwards by the one that parity asks for, never more.
        bound -= (bound - count) % 2
        while (
            bound <= count
            and log_e_sign((count + bound) // 2, (count - bound) // 2, prior) < log_e - 1e-12
        ):
            bound += 2
        last = len(inside) - 1
        moved = [0.0] * (last + 2)
        for distance in range((count - 1) % 2, last + 1, 2):
            share = inside[distance]
            moved[abs(distance - 1)] += share / 2
            moved[distance + 1] += share / 2
        if len(moved) > bound:
            crossed += math.fsum(moved[bound:])
            del moved[bound:]
        inside = moved
    return min(1.0, crossed)


def mcnemar_exact(wins: int, losses: int) -> float:
    """Two-sided p of McNemar's exact test, for a number of pairs fixed before, looked at once.

    Twice the smaller tail of the binomial distribution with p = 1/2, of the pairs of which one
    side alone is right. Psychometrika 12 (1947). Raises ValueError for negative counts.
    """
    if wins < 0 or losses < 0:
        raise ValueError("counts are not negative")
    return min(1.0, 2 * exp(_log_tail(min(wins, losses), wins + losses)))


def wilson(successes: int, trials: int, confidence: float = CONFIDENCE) -> Interval:
    """A share with its score interval: Wilson, Probable inference, JASA 22 (1927).

    Nothing tried: NaN between 0 and 1. Raises ValueError for more successes than trials.
    """
    if not 0 <= successes <= trials:
        raise ValueError("successes lie between 0 and the number of trials")
    if trials == 0:
        return Interval(math.nan, 0.0, 1.0)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / trials
    scale = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    # Rounding would put the limits at the ends a little beside.
    low = 0.0 if successes == 0 else centre - half
    return Interval(share, low, 1.0 if successes == trials else centre + half)


def is_slower(first: float, second: float, margin: float) -> bool:
    """Whether `second` took more than (1 + margin) times as long as `first`.

    As log(second / first) > log(1 + margin): what SignTest counts, to test the median of the
    paired ratios (Dixon and Mood, The statistical sign test, JASA 41, 1946). A margin, because
    two processes of one version differ by a per cent or two. Times are above 0.
    """
    return math.log(second / first) > math.log1p(margin)


def median_interval(values: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """The median with its distribution-free limits, two of the values: the inverted sign test.

    Thompson, On confidence ranges for the median, Ann. Math. Stat. 7 (1936). Infinite limits
    with too few values (fewer than 6 at 95 %). Raises ValueError when there are none.
    """
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    count = len(ordered)
    tail = (1 - confidence) / 2
    rank, below, chance = 0, 0.0, exp(-count * math.log(2.0))
    if chance == 0.0:  # more than a thousand values: the far tail does not matter
        rank = max(0, count // 2 - 4 * math.isqrt(count))  # eight standard deviations
        chance = exp(_log_choose(count, rank) - count * math.log(2.0))
    # rank becomes how many of the smallest values lie below the lower limit, plus one.
    while below + chance <= tail:
        below += chance
        chance *= (count - rank) / (rank + 1)
        rank += 1
    if rank == 0:
        return Interval(median(ordered), -math.inf, math.inf)
    return Interval(median(ordered), ordered[rank - 1], ordered[count - rank])


def agreement(matrix: Mapping[tuple[str, str], int]) -> Interval:
    """The share of equal answers in a matrix of (first answer, second answer) -> count."""
    equal = sum(count for (first, second), count in matrix.items() if first == second)
    return wilson(equal, sum(matrix.values()))


def cohen_kappa(matrix: Mapping[tuple[str, str], int]) -> float | None:
    """Agreement beyond chance: 1 always, 0 as often as chance; Cohen, Educ. Psychol. Meas. 20
    (1960). None where chance alone would agree always, or nothing was counted.
    """
    total = sum(matrix.values())
    rows, columns = Counter[str](), Counter[str]()
    for (first, second), count in matrix.items():
        rows[first] += count
        columns[second] += count
    equal = sum(count for (first, second), count in matrix.items() if first == second)
    # In whole numbers: the test for "always" must not depend on rounding.
    by_chance = sum(count * columns[answer] for answer, count in rows.items())
    if total == 0 or by_chance == total * total:
        return None
    return (equal * total - by_chance) / (total * total - by_chance)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _log_tail(k: int, n: int) -> float:
    """Logarithm of P(X <= k) for X binomial (n, 1/2): the largest term and what it is of all."""
    term, total = 1.0, 1.0
    for smaller in range(k, 0, -1):
        term *= smaller / (n - smaller + 1)
        total += term
        if term < 1e-18 * total:
            break
    return _log_choose(n, k) - n * math.log(2.0) + math.log(total)
