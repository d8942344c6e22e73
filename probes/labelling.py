"""A person says who is right, where the versions disagree: blind, and no longer than needed.

Only disagreements are asked for: where both say the same, a label favours neither (McNemar).
The person sees two answers in random order and never a version, until the test has decided.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from probes.ab_tally import Disagreement
from probes.verdict import Judgement, Verdict
from rollout.evidence import Direction, SignTest, mcnemar_exact


class Choice(Enum):
    """What a person may answer."""

    FIRST = "1"
    SECOND = "2"
    NEITHER = "neither"
    """Both are wrong: a label, but it favours nobody."""
    SKIP = "skip"
    """Cannot say; the question does not come back."""


@dataclass(frozen=True, slots=True)
class Question:
    """One text with the two answers to it, in random order."""

    number: int
    """From 1."""
    text: str
    first: str
    second: str


class Labelling:
    """The questions one after the other, until the test has decided or there are no more."""

    def __init__(
        self, disagreements: Sequence[Disagreement], versions: Sequence[str], seed: int
    ) -> None:
        """Shuffles questions and sides by `seed`; labels in the corpus are not looked at."""
        draw = random.Random(seed)  # noqa: S311 - hides from a person, not from an attacker
        # A random order: those that stay unasked are then like those that were asked.
        self._items = draw.sample(list(disagreements), len(disagreements))
        self._swapped = [draw.random() < 0.5 for _ in self._items]
        self._versions = (versions[0], versions[1])
        # Their number is known, and a test that is known to end decides earlier.
        self.test = SignTest.start(horizon=len(self._items))
        """A win: only the second version is right."""
        self.asked = 0
        self.neither = 0
        self.skipped = 0

    @property
    def question(self) -> Question | None:
        """What to ask now; None when it is over."""
        if self.test.decision is not None or self.asked == len(self._items):
            return None
        item, answers = self._items[self.asked], self._answers()
        return Question(self.asked + 1, item.text, *answers)

    @property
    def is_over(self) -> bool:
        """Whether the test has decided, or nothing is left to ask: the versions may be named."""
        return self.question is None

    @property
    def remaining(self) -> int:
        """Questions that could still come."""
        return 0 if self.question is None else len(self._items) - self.asked

    @property
    def labels(self) -> int:
        """What the person has said so far, not counting what was skipped."""
        return self.asked - self.skipped

    def answer(self, choice: Choice) -> None:
        """Take the person's answer to the question. Raises ValueError when there is none."""
        if self.question is None:
            raise ValueError("there is no question left")
        swapped = self._swapped[self.asked]
        self.asked += 1
        if choice is Choice.NEITHER:
            self.neither += 1
        elif choice is Choice.SKIP:
            self.skipped += 1
        else:
            self.test = self.test.observe((choice is Choice.SECOND) != swapped)

    @property
    def blind(self) -> Judgement:
        """The judgement when it is over; until then one that gives no version away."""
        if self.is_over or self.labels == 0:
            return self.judgement
        said = f"{self.labels} labels so far, {self.remaining} questions left"
        return Judgement(Verdict.INCONCLUSIVE, f"not decided: {said}")

    @property
    def judgement(self) -> Judgement:
        """Which version the person finds right more often; names versions, so show it last."""
        first, second = self._versions
        said = (
            f"{second} alone right {self.test.wins}, {first} alone {self.test.losses}, "
            f"neither {self.neither}, skipped {self.skipped}"
        )
        if self.labels == 0:
            return Judgement(Verdict.NOT_MEASURED, "nothing was labelled")
        if self.test.decision is None:
            left = f"{self.remaining} questions left" if self.remaining else "no questions left"
            reason = f"no difference shown by {self.labels} labels ({said}; {left})"
            return Judgement(Verdict.INCONCLUSIVE, reason)
        better = second if self.test.decision is Direction.WINS else first
        verdict = Verdict.PASSED if better == second else Verdict.FAILED
        p = mcnemar_exact(self.test.wins, self.test.losses)
        reason = (
            f"{better} is more often right after {self.labels} labels ({said}; exact p {p:.2g})"
        )
        return Judgement(verdict, reason)

    def _answers(self) -> tuple[str, str]:
        item = self._items[self.asked]
        if self._swapped[self.asked]:
            return item.second, item.first
        return item.first, item.second
