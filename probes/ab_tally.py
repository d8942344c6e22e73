"""What the pairs of an A/B run add up to: pure, one pair at a time, valid at every moment."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from gateway.errors import AnswerMissing
from gateway.versions import version_served
from gateway.workload import Text, resolve
from probes.ab_client import Answer
from rollout.evidence import SignTest, is_slower

CORPUS_PRIOR = 10.0
"""Shape of the mixture (rollout.evidence) where the corpus has the labels: they cost nothing, and a
small corpus shows large differences only. Of 150 pairs 15 : 1 decides, which it does not with
the prior of a person's labels; of 807 disagreements 56 : 44 is found in 78 %, not in 85 %."""

MAX_DISAGREEMENTS = 10_000
"""Kept with their texts; further ones are counted only."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One text, answered by both versions, and by the first a second time (the A/A row)."""

    number: int
    """From 0, in the order in which they were asked."""
    text: Text
    first: Answer
    second: Answer
    again: Answer


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A text that the two versions answered differently."""

    text: str
    first: str
    second: str
    label: str | None


@dataclass(slots=True)
class Routing:
    """Whether the header decided who answered; counted on every answer of an instance."""

    answers: int = 0
    by_instance: int = 0
    """X-Instance is an instance of the version that was asked for."""
    bodies: int = 0
    """Answers whose body says a `version`."""
    by_body: int = 0
    instances: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Comparison:
    """Two answers to each text, compared."""

    slower: SignTest
    """A win: the second took more than the margin longer."""
    matrix: Counter[tuple[str, str]] = field(default_factory=Counter)
    log_ratios: list[float] = field(default_factory=list)

    def add(self, first: Answer, second: Answer, words: tuple[str, str], margin: float) -> None:
        """Compare one pair; a repeated request has no time that could be compared."""
        self.matrix[words] += 1
        if not (first.retried or second.retried):
            win = is_slower(first.seconds, second.seconds, margin)
            self.slower = self.slower.observe(win)
            self.log_ratios.append(math.log(second.seconds / first.seconds))


@dataclass(slots=True)
class Quality:
    """Which version is right, on the pairs whose text has a label."""

    test: SignTest
    """A win: only the second is right. A loss: only the first is."""
    labelled: int = 0
    both: int = 0
    neither: int = 0

    def add(self, first: bool, second: bool) -> None:
        """Count one labelled pair."""
        self.labelled += 1
        if first == second:
            self.both += first
            self.neither += not first
        else:
            self.test = self.test.observe(second)


class Tally:
    """Everything that an A/B run has found so far."""

    def __init__(self, pointer: str, served: Mapping[str, str], pairs: int, margin: float) -> None:
        """`pairs` will come at most; `margin` is a share, such as 0.2.

        `pointer` leads to the answer in a body (workload.yaml), `served` says which version
        each instance serves: the first two versions in it are compared.
        """
        self._pointer, self.margin, self.planned = pointer, margin, pairs
        self._served = dict(served)
        self.versions = tuple(dict.fromkeys(served.values()))[:2]
        self.pairs = 0
        """Asked for, whatever came back."""
        self.compared = 0
        """With an answer from all that were asked."""
        self.routing = tuple(Routing() for _ in self.versions)
        self.statuses: tuple[Counter[str], ...] = tuple(Counter() for _ in self.versions)
        self.without_answer: tuple[Counter[str], ...] = tuple(Counter() for _ in self.versions)
        """Status 200, but nothing where workload.yaml points at."""
        self.versus = Comparison(SignTest.start(pairs))
        self.noise = Comparison(SignTest.start(pairs))
        self.quality = Quality(SignTest.start(pairs, prior=CORPUS_PRIOR))
        self.disagreements: list[Disagreement] = []

    def add(self, pair: Pair) -> None:
        """Fold one pair in."""
        self.pairs += 1
        words = []
        for place, answer in ((0, pair.first), (1, pair.second), (0, pair.again)):
            self._route(place, answer)
            self.statuses[place][str(answer.status)] += 1
            words.append(self._word(place, answer))
        first, second, again = words
        if first is None or second is None or again is None:
            return
        self.compared += 1
        self.versus.add(pair.first, pair.second, (first, second), self.margin)
        self.noise.add(pair.first, pair.again, (first, again), self.margin)
        label = pair.text.label
        if label is not None:
            self.quality.add(first == label, second == label)
        if first != second and len(self.disagreements) < MAX_DISAGREEMENTS:
            self.disagreements.append(Disagreement(pair.text.text, first, second, label))

    def _route(self, place: int, answer: Answer) -> None:
        routing, version = self.routing[place], self.versions[place]
        if not answer.instance and answer.status != HTTPStatus.OK:
            return  # refused by the gateway itself, which routes nowhere
        routing.answers += 1
        routing.instances[answer.instance] += 1
        routing.by_instance += version_served(answer.instance, self._served) == version
        if isinstance(answer.body, dict) and "version" in answer.body:
            routing.bodies += 1
            routing.by_body += answer.body["version"] == version

    def _word(self, place: int, answer: Answer) -> str | None:
        if answer.status != HTTPStatus.OK:
            return None
        try:
            return word(resolve(answer.body, self._pointer))
        except AnswerMissing as error:
            self.without_answer[place][error.problem] += 1
            return None


def word(answer: Any) -> str:
    """An answer as it stands in a matrix or a label column: text as it is, else JSON."""
    return answer if isinstance(answer, str) else json.dumps(answer, sort_keys=True)
