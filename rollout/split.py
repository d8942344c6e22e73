"""Are the users split as configured? By distinct users, watched while they come. Pure.

A split that is off (sample ratio mismatch) means that what is compared is not what was meant to
be: a cohort that loses users, a cache, a client that ignores its cookie.
"""

import math
from dataclasses import dataclass
from typing import Final

CONCENTRATION: Final = 100.0
"""How near to the configured shares a wrong split is looked for: a Dirichlet prior worth so
many users."""

MOST_USERS: Final = 100_000
"""Users remembered at most at one step, as 64-bit hashes: some 7 MB. The test then has ended,
and a number of users means "at least"."""


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """Distinct users of a step, each once, by where their requests were meant to go."""

    v1: int = 0
    v2: int = 0
    log_e: float = 0.0
    peak: float = 0.0
    """The largest logarithm of the evidence at this step: what decides."""


def log_e_split(v1: int, v2: int, weight: int, concentration: float = CONCENTRATION) -> float:
    """Logarithm of the evidence (e-value) against "users go to v2 with `weight` percent".

    The marginal likelihood of the counts under a Dirichlet(a p) prior over the shares against
    the likelihood at p: with a0 the concentration, n the users, n_i those of version i,
    G(a0) / G(a0 + n) * prod G(a0 p_i + n_i) / G(a0 p_i) / prod p_i^n_i (G the gamma function).
    Under the null hypothesis a martingale that starts at 1, so that it ever reaches 1 / alpha
    with probability alpha at most (Ville, 1939). Lindon and Malek, Anytime-valid inference for
    multinomial count data, NeurIPS 2022. Every user counts once: requests of one sticky user
    are no independent draws. 0 where one version has everybody. Raises ValueError for negative
    counts.
    """
    if v1 < 0 or v2 < 0:
        raise ValueError("counts are not negative")
    if not 0 < weight < 100:
        return 0.0
    total = math.lgamma(concentration) - math.lgamma(concentration + v1 + v2)
    for count, share in ((v1, 1 - weight / 100), (v2, weight / 100)):
        prior = concentration * share
        total += math.lgamma(prior + count) - math.lgamma(prior) - count * math.log(share)
    return total


class Split:
    """Counts distinct users and keeps the largest evidence."""

    def __init__(self, weight: int) -> None:
        self._weight = weight
        self._known: set[int] = set()
        self._v1 = self._v2 = 0
        self._log_e = self._peak = 0.0

    def user(self, user: str, v2: bool) -> None:
        """Somebody sent a request; whoever is known already changes nothing."""
        known = self._known
        before = len(known)
        if before >= MOST_USERS:
            return
        known.add(hash(user))
        if len(known) == before:
            return
        if v2:
            self._v2 += 1
        else:
            self._v1 += 1
        self._log_e = log_e_split(self._v1, self._v2, self._weight)
        self._peak = max(self._peak, self._log_e)

    @property
    def counts(self) -> SplitCounts:
        """Where it stands."""
        return SplitCounts(self._v1, self._v2, self._log_e, self._peak)
