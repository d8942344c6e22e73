"""Sums of rated words: the part of v2 that also knows words it was never trained on.

A lexicon gives words a valence (the VADER one from -4 to 4). Of one text four sums
are features: positive and negative valences, apart for words after a negator. Each
is divided by the root of the text's length, so that long texts do not win by length.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

FEATURES: Final = ("positive", "negative", "negated positive", "negated negative")

_SMOOTHING: Final = 4  # keeps a single word of a short text from deciding alone


def valences(tokens: Sequence[str], lexicon: Mapping[str, float]) -> list[tuple[int, float]]:
    """Position and valence of the tokens that are in the lexicon, but for those of 0."""
    valence = lexicon.get
    return [(position, v) for position, token in enumerate(tokens) if (v := valence(token))]


def feature_of(valence: float, is_negated: bool) -> int:
    """Which of `FEATURES` a valence counts for."""
    return (0 if valence > 0 else 1) + (2 if is_negated else 0)


def scale(tokens: int) -> float:
    """What the sums of a text of so many tokens are divided by."""
    return math.sqrt(tokens + _SMOOTHING)


def sums(
    found: Iterable[tuple[int, float]], negated: Iterable[int], tokens: int
) -> tuple[float, float, float, float]:
    """The four features of a text of so many tokens, in the order of `FEATURES`."""
    totals = [0.0, 0.0, 0.0, 0.0]
    marked = set(negated)
    for position, valence in found:
        totals[feature_of(valence, position in marked)] += valence
    divisor = scale(tokens)
    return totals[0] / divisor, totals[1] / divisor, totals[2] / divisor, totals[3] / divisor
