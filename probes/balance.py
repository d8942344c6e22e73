"""Were requests spread evenly? Pearson's chi-square test against equal shares.

K. Pearson, "On the criterion that a given system of deviations ...", Philosophical
Magazine 50 (1900). Standard library only; tests compare it with scipy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

ALPHA = 0.001
"""The share of runs in which a gateway that spreads at random would be called uneven."""
MIN_EXPECTED = 5.0
"""Below so many expected requests for each instance the approximation is not used
(W. G. Cochran, Biometrics 10 (1954))."""


def p_value(counts: Sequence[int]) -> float:
    """Probability of shares at least as uneven as these, if all are equally likely.

    Raises ValueError for fewer than two counts, a negative one, or too few requests.
    """
    total = sum(counts)
    if len(counts) < 2 or min(counts) < 0:
        raise ValueError("needs two counts or more, none of them negative")
    expected = total / len(counts)
    if expected < MIN_EXPECTED:
        raise ValueError(f"{total} requests are too few for {len(counts)} instances")
    statistic = sum((count - expected) ** 2 for count in counts) / expected
    return chi_square_tail(statistic, len(counts) - 1)


def chi_square_tail(statistic: float, freedom: int) -> float:
    """P(X >= statistic) for X chi-square distributed with `freedom` >= 1 degrees of freedom.

    The recurrence Q(a + 1, x) = Q(a, x) + x**a e**-x / gamma(a + 1) (DLMF 8.8.6) with x half
    the statistic, from Q(1/2, x) = erfc(sqrt(x)) or Q(1, x) = e**-x. Every term is positive,
    so nothing cancels.
    """
    half = statistic / 2
    if half <= 0.0:
        return 1.0
    order = 0.5 if freedom % 2 else 1.0
    tail = math.erfc(math.sqrt(half)) if freedom % 2 else math.exp(-half)
    while order < freedom / 2:
        tail += math.exp(order * math.log(half) - half - math.lgamma(order + 1))
        order += 1
    return min(tail, 1.0)
