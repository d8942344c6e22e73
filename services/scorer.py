"""Answers of a folded model: label, probabilities and what each token contributed.

Equal to the scikit-learn pipeline it was folded from within 1e-9, at a hundredth of
the time for one text, because there is no matrix to build. Needs neither
scikit-learn nor numpy.
"""

import math
import operator
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from services import lexicon
from services.folded import Folded, FoldedError
from services.tokens import ANALYSES, MARK, pairs

MOST_EXPLAINED: Final = 50
"""At most this many tokens are listed in an explanation."""

SENTIMENT: Final = frozenset({"negative", "neutral", "positive"})

UNKNOWN_LABEL: Final = "neutral"
"""The answer to a text of which the model knows no token, where it is a class."""

Explanation = list[tuple[str, float]]


class Score(NamedTuple):
    """The answer to one text.

    `probabilities` are in the order of the scorer's classes and sum to 1.
    `known_tokens` of its `tokens` the model has a weight for; at 0 the probabilities
    are only the shares of the classes in the training data. Both are None for a model
    without a vocabulary to look in.
    """

    label: str
    probabilities: tuple[float, ...]
    known_tokens: int | None
    tokens: int | None


class Scorer(Protocol):
    """What the service needs of a model."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels in the order of the probabilities."""

    def score(self, text: str) -> Score:
        """The answer to a text; every string has one, the empty one too."""

    def explain(self, text: str) -> Explanation:
        """Tokens in text order with the log-odds that they add; see `Contrast`.

        Empty for a model that cannot tell.
        """

    def score_and_explain(self, text: str) -> tuple[Score, Explanation]:
        """Both at once, which is cheaper than one after the other."""


class Contrast:
    """Which two classes an explanation is about, as indices: the one for, the one against.

    For sentiment (classes among negative, neutral and positive) always positive
    against negative, so that signs mean the same in every answer. For any other
    classes the most probable against the second: why this and not that.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self._fixed: tuple[int, int] | None = None
        if {"negative", "positive"} <= set(classes) <= SENTIMENT:
            self._fixed = classes.index("positive"), classes.index("negative")

    def of(self, logits: Sequence[float]) -> tuple[int, int]:
        """The two classes for a text with these logits; of equals the first."""
        if self._fixed:
            return self._fixed
        first, second = sorted(range(len(logits)), key=lambda k: -logits[k])[:2]
        return first, second


def softmax(logits: Sequence[float]) -> tuple[float, ...]:
    """Probabilities from logits."""
    highest = max(logits)
    powers = [math.exp(logit - highest) for logit in logits]
    total = sum(powers)
    return tuple([power / total for power in powers])


def difference(relative: Sequence[float], pair: tuple[int, int]) -> float:
    """Of the two classes, from values relative to the first class, which has none."""
    plus, minus = pair
    return (relative[plus - 1] if plus else 0.0) - (relative[minus - 1] if minus else 0.0)


def strongest(tokens: Sequence[str], weights: Sequence[float]) -> Explanation:
    """The explanation from one weight a token: without zeros, in text order."""
    listed = [position for position, weight in enumerate(weights) if weight]
    if len(listed) > MOST_EXPLAINED:
        listed.sort(key=lambda position: -abs(weights[position]))
        listed = sorted(listed[:MOST_EXPLAINED])
    return [(tokens[position], weights[position]) for position in listed]


Known = TypeVar("Known")


class LinearScorer(ABC, Generic[Known]):
    """Scores texts with the tables of one model; a kind of it says what a term is.

    Explanations are exact: `bias` and the contributions of all tokens add up to the
    difference of two logits, those of the classes that `Contrast` names.
    """

    def __init__(self, folded: Folded) -> None:
        self._column: Final = dict(zip(folded.terms, range(len(folded.terms)), strict=True))
        self._squares: Final = folded.squares
        self._weights: Final = folded.weights
        self._intercepts: Final = folded.intercepts
        self._classes: Final = folded.classes
        self._contrast: Final = Contrast(folded.classes)

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels in the order of the probabilities."""
        return self._classes

    def score(self, text: str) -> Score:
        """The answer to a text; every string has one, the empty one too."""
        known = self._look_up(text)
        return self._score(known, self._logits(known))

    def explain(self, text: str) -> Explanation:
        """Tokens in text order with the log-odds that they add; see `Contrast`.

        What a term of several tokens adds is split between them. Tokens without
        any are left out; of more than `MOST_EXPLAINED` the strongest are given.
        """
        known = self._look_up(text)
        return self._explain(known, self._logits(known))

    def score_and_explain(self, text: str) -> tuple[Score, Explanation]:
        """Both at once, which is cheaper than one after the other."""
        known = self._look_up(text)
        logits = self._logits(known)
        return self._score(known, logits), self._explain(known, logits)

    def bias(self, text: str) -> float:
        """The log-odds, for the two classes that explain a text, without any known token."""
        return difference(self._intercepts, self._contrast.of(self._logits(self._look_up(text))))

    @abstractmethod
    def _look_up(self, text: str) -> Known:
        """What the model knows of a text."""

    @abstractmethod
    def _logits(self, known: Known) -> list[float]:
        """Logits relative to the first class, whose own is 0."""

    @abstractmethod
    def _score(self, known: Known, logits: Sequence[float]) -> Score:
        """The answer, from what is known."""

    @abstractmethod
    def _explain(self, known: Known, logits: Sequence[float]) -> Explanation:
        """What each token adds, from what is known."""


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


class FoldedScorer(LinearScorer[_Known]):
    """One of the shipped recipes: tokens, pairs, negated words and a lexicon."""

    def __init__(self, folded: Folded) -> None:
        """Raises FoldedError for an analysis that this version does not have."""
        if not isinstance(folded.analysis, str) or folded.analysis not in ANALYSES:
            raise FoldedError(f"unknown analysis {folded.analysis!r}")
        super().__init__(folded)
        self._analysis: Final = ANALYSES[folded.analysis]
        self._lexicon: Final = folded.lexicon
        self._lexicon_weights: Final = folded.lexicon_weights

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

    def _score(self, known: _Known, logits: Sequence[float]) -> Score:
        probabilities = softmax(logits)
        if known.known_tokens == 0 and UNKNOWN_LABEL in self._classes:
            return Score(UNKNOWN_LABEL, probabilities, 0, len(known.tokens))
        # The first of equals: ties go by the order of the classes.
        best = logits.index(max(logits))
        label = self._classes[best]
        return Score(label, probabilities, known.known_tokens, len(known.tokens))

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

    def _explain(self, known: _Known, logits: Sequence[float]) -> Explanation:
        tokens = known.tokens
        pair = self._contrast.of(logits)
        weights = [0.0] * len(tokens)
        if known.columns:
            unique, repeated = _counted(known.columns)
            norm = self._norm(unique, repeated)
            share = {i: difference([w[i] for w in self._weights], pair) / norm for i in unique}
            for several in repeated:
                share[several.column] *= several.damped / several.times
            column = self._column.get
            for position, token in enumerate(tokens):
                if (i := column(token)) is not None:
                    weights[position] += share[i]
            for position, both in enumerate(pairs(tokens)):
                if (i := column(both)) is not None:
                    weights[position] += share[i] / 2
                    weights[position + 1] += share[i] / 2
            for position in known.negated:
                if (i := column(MARK + tokens[position])) is not None:
                    weights[position] += share[i]
        if known.valences:
            by_feature = [difference(r, pair) for r in zip(*self._lexicon_weights, strict=True)]
            divisor = lexicon.scale(len(tokens))
            marked = set(known.negated)
            for position, valence in known.valences:
                feature = lexicon.feature_of(valence, position in marked)
                weights[position] += by_feature[feature] * valence / divisor
        return strongest(tokens, weights)


def _counted(columns: list[int]) -> tuple[Sequence[int], Sequence[_Repeated]]:
    """Every column once, and those that occur more than once."""
    if len(set(columns)) == len(columns):
        return columns, ()  # the usual case
    counts = Counter(columns)
    repeated = [_Repeated(i, 1.0 + math.log(n), n) for i, n in counts.items() if n > 1]
    return list(counts), repeated
