"""How a measurement may end. Five different things; none of them stands for another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What is known now."""

    PASSED = "passed"
    """Measured, and as it should be."""
    FAILED = "failed"
    """Measured, and not as it should be."""
    INCONCLUSIVE = "inconclusive"
    """Measured, but it could still be either."""
    ERROR = "error"
    """It could not be measured as intended: something else was wrong."""
    NOT_MEASURED = "not measured"
    """There was nothing to measure it with."""


_WORST_FIRST = (
    Verdict.ERROR,
    Verdict.FAILED,
    Verdict.INCONCLUSIVE,
    Verdict.NOT_MEASURED,
    Verdict.PASSED,
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason in one sentence."""

    verdict: Verdict
    reason: str


def worst(judgements: Iterable[Judgement]) -> Judgement:
    """The one that speaks for all: the first of the worst kind. Raises ValueError for none."""
    return min(judgements, key=lambda each: _WORST_FIRST.index(each.verdict))
