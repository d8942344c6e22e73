"""Answers of a model that was trained elsewhere: TF-IDF or counts of words, and a linear model.

Like `services.scorer.FoldedScorer`, but with scikit-learn's own analysis and whatever
settings its vectorizer had, so that the answers are those of the adopted pipeline.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from services.folded import Folded, FoldedError
from services.ngrams import Ngrams, Term, terms
from services.scorer import (
    Explanation,
    LinearScorer,
    Score,
    difference,
    softmax,
    strongest,
)


class _Known(NamedTuple):
    """What a model knows of one text."""

    tokens: list[str]
    found: list[tuple[int, Term]]  # column and place of each known n-gram
    values: dict[int, float]  # by column: the value of the term, before its idf
    norm: float


class NgramScorer(LinearScorer[_Known]):
    """The tables and the analysis of one adopted model."""

    def __init__(self, folded: Folded) -> None:
        """Raises FoldedError where the tables have another analysis or a bad pattern."""
        if not isinstance(folded.analysis, Ngrams):
            raise FoldedError(f"unknown analysis {folded.analysis!r}")
        super().__init__(folded)
        self._settings: Final = folded.analysis
        try:
            self._tokenize: Final = folded.analysis.tokenizer()
        except ValueError as error:
            raise FoldedError(str(error)) from error

    def _look_up(self, text: str) -> _Known:
        settings, column = self._settings, self._column.get
        tokens = self._tokenize(text)
        found = [
            (i, term)
            for term in terms(tokens, settings.shortest, settings.longest)
            if (i := column(term.text)) is not None
        ]
        values = {i: self._value(n) for i, n in Counter([i for i, _ in found]).items()}
        norm = 1.0
        if settings.normalised:
            squares = self._squares
            norm = math.sqrt(sum(value * value * squares[i] for i, value in values.items())) or 1.0
        return _Known(tokens, found, values, norm)

    def _value(self, occurrences: int) -> float:
        value = 1.0 if self._settings.binary else float(occurrences)
        return 1.0 + math.log(value) if self._settings.sublinear else value

    def _logits(self, known: _Known) -> list[float]:
        """Logits relative to the first class, whose own is 0."""
        values, norm = known.values.items(), known.norm
        return [
            0.0,
            *(
                intercept + sum(value * weights[i] for i, value in values) / norm
                for intercept, weights in zip(self._intercepts, self._weights, strict=True)
            ),
        ]

    def _score(self, known: _Known, logits: Sequence[float]) -> Score:
        # Tokens, not n-grams: "not good" is two, known by the pair alone or one by one.
        covered = {
            position
            for _, term in known.found
            for position in range(term.start, term.start + term.length)
        }
        label = self._classes[logits.index(max(logits))]  # of equals the first
        return Score(label, softmax(logits), len(covered), len(known.tokens))

    def _explain(self, known: _Known, logits: Sequence[float]) -> Explanation:
        pair = self._contrast.of(logits)
        times = Counter(i for i, _ in known.found)
        weights = [0.0] * len(known.tokens)
        for i, term in known.found:
            total = known.values[i] / known.norm * difference([w[i] for w in self._weights], pair)
            share = total / (times[i] * term.length)
            for position in range(term.start, term.start + term.length):
                weights[position] += share
        return strongest(known.tokens, weights)
