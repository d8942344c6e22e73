"""Answers of a folded model: label, probabilities and what each token contributed.

Equal to the scikit-learn pipeline it was folded from within 1e-9, at a hundredth of
the time for one text, because there is no matrix to build. Needs neither
scikit-learn nor numpy.
"""

import math
import operator
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from services import lexicon
from services.folded import Folded, FoldedError
from services.tokens import ANALYSES, MARK, pairs

MOST_EXPLAINED: Final = 50
"""At most this many tokens are listed in an explanation."""

UNKNOWN_LABEL: Final = "neutral"
"""The answer to a text of which the model knows no token, where it is a class."""

Explanation = list[tuple[str, float]]


class Score(NamedTuple):
    """The answer to one text.

    `probabilities` are in the order of the scorer's classes and sum to 1.
    `known_tokens` is the number of tokens that the model has a weight for; at 0 the
    probabilities are only the shares of the classes in the training data.
    """

    label: str
    probabilities: tuple[float, ...]
    known_tokens: int


class Scorer(Protocol):
    """What the service needs of a model."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels in the order of the probabilities."""

    def score(self, text: str) -> Score:
        """The answer to a text; every string has one, the empty one too."""

    def explain(self, text: str) -> Explanation:
        """Tokens in text order with their log-odds, positive minus negative."""


class _Known(NamedTuple):
    """What a model knows of one text."""

    tokens: list[str]
    negated: list[int]  # positions in `tokens`
    columns: list[int]  # of the terms in the tables, one for each occurrence
    valences: list[tuple[int, float]]  # position and valence of the words of the lexicon
    known_tokens: int


class _Repeated(NamedTuple):
    """A column that occurs more than once in a text."""

    column: int
    damped: float  # 1 + ln(times): the sublinear term frequency of TF-IDF
    times: int


class FoldedScorer:
    """Scores texts with the tables of one model.

    Explanations are exact: `bias` and the contributions of all tokens add up to the
    difference of two logits, those of the classes named positive and negative, or
    else of the last and the first class. `bias` is that difference for a text
    without a known token.
    """

    def __init__(self, folded: Folded) -> None:
        """Raises FoldedError for an analysis that this version does not have."""
        if folded.analysis not in ANALYSES:
            raise FoldedError(f"unknown analysis {folded.analysis!r}")
        self._analysis: Final = ANALYSES[folded.analysis]
        self._column: Final = dict(zip(folded.terms, range(len(folded.terms)), strict=True))
        self._squares: Final = folded.squares
        self._weights: Final = folded.weights
        self._intercepts: Final = folded.intercepts
        self._lexicon: Final = folded.lexicon
        self._lexicon_weights: Final = folded.lexicon_weights
        self._classes: Final = folded.classes
        named = {"negative", "positive"} <= set(folded.classes)
        self._plus: Final = folded.classes.index("positive") if named else len(folded.classes) - 1
        self._minus: Final = folded.classes.index("negative") if named else 0
        self.bias: Final = self._difference(folded.intercepts)

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels in the order of the probabilities."""
        return self._classes

    def score(self, text: str) -> Score:
        """The answer to a text; every string has one, the empty one too."""
        return self._score(self._look_up(text))

    def explain(self, text: str) -> Explanation:
        """Tokens in text order with their log-odds, positive minus negative.

        The contribution of a pair of tokens is split between the two. Tokens without
        any are left out; of more than `MOST_EXPLAINED` the strongest are given.
        """
        return self._explain(self._look_up(text))

    def score_and_explain(self, text: str) -> tuple[Score, Explanation]:
        """Both at once, which is cheaper than one after the other."""
        known = self._look_up(text)
        return self._score(known), self._explain(known)

    def _look_up(self, text: str) -> _Known:
        column = self._column.get
        tokens = self._analysis.tokenize(text)
        columns = [i for token in tokens if (i := column(token)) is not None]
        count = len(columns)
        columns += [i for pair in pairs(tokens) if (i := column(pair)) is not None]
        negated = self._analysis.negated(tokens)
        for position in negated:
            if (i := column(MARK + tokens[position])) is not None:
                columns.append(i)
        valences: list[tuple[int, float]] = []
        if self._lexicon:
            valences = lexicon.valences(tokens, self._lexicon)
            count += sum(column(tokens[position]) is None for position, _ in valences)
        return _Known(tokens, negated, columns, valences, count)

    def _score(self, known: _Known) -> Score:
        logits = self._logits(known)
        highest = max(logits)
        powers = [math.exp(logit - highest) for logit in logits]
        total = sum(powers)
        probabilities = tuple([power / total for power in powers])
        if known.known_tokens == 0 and UNKNOWN_LABEL in self._classes:
            return Score(UNKNOWN_LABEL, probabilities, 0)
        # The first of equals: ties go by the order of the classes.
        return Score(self._classes[logits.index(highest)], probabilities, known.known_tokens)

    def _logits(self, known: _Known) -> list[float]:
        """Logits relative to the first class, whose own is 0."""
        logits = [0.0, *self._intercepts]
        if known.columns:
            unique, repeated = _counted(known.columns)
            norm = self._norm(unique, repeated)
            for k, weights in enumerate(self._weights, start=1):
                total = sum(map(weights.__getitem__, unique))
                for i, damped, _ in repeated:
                    total += (damped - 1.0) * weights[i]
                logits[k] += total / norm
        if known.valences:
            features = lexicon.sums(known.valences, known.negated, len(known.tokens))
            for k, row in enumerate(self._lexicon_weights, start=1):
                logits[k] += sum(map(operator.mul, row, features))
        return logits

    def _norm(self, unique: Sequence[int], repeated: Sequence[_Repeated]) -> float:
        total = sum(map(self._squares.__getitem__, unique))
        for i, damped, _ in repeated:
            total += (damped * damped - 1.0) * self._squares[i]
        return math.sqrt(total)

    def _explain(self, known: _Known) -> Explanation:
        tokens = known.tokens
        weights = [0.0] * len(tokens)
        if known.columns:
            unique, repeated = _counted(known.columns)
            norm = self._norm(unique, repeated)
            share = {i: self._term(i) / norm for i in unique}
            for several in repeated:
                share[several.column] *= several.damped / several.times
            column = self._column.get
            for position, token in enumerate(tokens):
                if (i := column(token)) is not None:
                    weights[position] += share[i]
            for position, pair in enumerate(pairs(tokens)):
                if (i := column(pair)) is not None:
                    weights[position] += share[i] / 2
                    weights[position + 1] += share[i] / 2
            for position in known.negated:
                if (i := column(MARK + tokens[position])) is not None:
                    weights[position] += share[i]
        if known.valences:
            by_feature = [self._difference(row) for row in zip(*self._lexicon_weights, strict=True)]
            divisor = lexicon.scale(len(tokens))
            marked = set(known.negated)
            for position, valence in known.valences:
                feature = lexicon.feature_of(valence, position in marked)
                weights[position] += by_feature[feature] * valence / divisor
        listed = [position for position, weight in enumerate(weights) if weight]
        if len(listed) > MOST_EXPLAINED:
            listed.sort(key=lambda position: -abs(weights[position]))
            listed = sorted(listed[:MOST_EXPLAINED])
        return [(tokens[position], weights[position]) for position in listed]

    def _term(self, column: int) -> float:
        return self._difference([weights[column] for weights in self._weights])

    def _difference(self, relative: Sequence[float]) -> float:
        """Of two classes, from values relative to the first class."""
        plus = relative[self._plus - 1] if self._plus else 0.0
        minus = relative[self._minus - 1] if self._minus else 0.0
        return plus - minus


def _counted(columns: list[int]) -> tuple[Sequence[int], Sequence[_Repeated]]:
    """Every column once, and those that occur more than once."""
    if len(set(columns)) == len(columns):
        return columns, ()  # the usual case
    counts = Counter(columns)
    repeated = [_Repeated(i, 1.0 + math.log(n), n) for i, n in counts.items() if n > 1]
    return list(counts), repeated
