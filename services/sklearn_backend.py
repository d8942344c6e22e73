"""Serves a pipeline by scikit-learn itself: for adopted models that cannot be folded.

Costs about 100 MB and a second of CPU at start for each process, and a millisecond
instead of microseconds for each answer. Nothing else in the service imports scikit-learn.
"""

import io
from typing import Any, Final

import joblib
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import Pipeline

from services.scorer import Explanation, Score


class Unusable(ValueError):
    """A model that this service cannot answer with; the message is the reason."""


def load_pipeline(content: bytes) -> Any:
    """The object in the bytes of a joblib file. Loading it runs code that is in it.

    Raises Unusable with the reason where it does not load.
    """
    try:
        return joblib.load(io.BytesIO(content))
    except ModuleNotFoundError as error:
        raise Unusable(
            f"it needs the Python module {error.name}, which is not installed here: install it "
            "into .venv, or put its file into this folder, where the services find it too"
        ) from error
    except AttributeError as error:
        raise Unusable(
            f"it needs something that is not here ({error}): a function of a script or notebook "
            "has to move into a module, a class of another release needs that release"
        ) from error
    # A pickle can raise anything, by accident or not.
    except Exception as error:
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise Unusable(f"it is not a joblib file that can be read here ({reason})") from error


def classes_of(model: Any) -> tuple[str, ...]:
    """The labels of a classifier, numbers as text. Raises Unusable where it has none."""
    kind = type(model).__name__
    if not callable(getattr(model, "predict_proba", None)):
        raise Unusable(
            f"a {kind} has no predict_proba, which gives the probabilities (a LinearSVC gets one "
            "from CalibratedClassifierCV, SGDClassifier with loss='log_loss')"
        )
    try:
        values = list(model.classes_)
    except AttributeError:
        raise Unusable(f"this {kind} has no classes_: was it trained?") from None
    # .item(): the label 1, not np.int64(1).
    labels = tuple(str(value.item() if hasattr(value, "item") else value) for value in values)
    if len(labels) < 2 or len(set(labels)) < len(labels) or "" in labels:
        raise Unusable(f"its classes must be two or more different names, not {list(labels)}")
    return labels


class SklearnScorer:
    """Scores texts with a trained classifier that takes a list of texts.

    The label is the most probable class. There is no explanation. Known tokens are
    counted where the pipeline begins with a vectorizer of words.
    """

    def __init__(self, model: Any) -> None:
        """Raises Unusable for what is not a trained classifier."""
        self._model: Final = model
        self._classes: Final = classes_of(model)
        self._words: Final = _word_analysis(model)

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels in the order of the probabilities."""
        return self._classes

    def score(self, text: str) -> Score:
        """The answer to a text."""
        row: list[float] = self._model.predict_proba([text])[0].tolist()
        label = self._classes[row.index(max(row))]
        if self._words is None:
            return Score(label, tuple(row), None, None)
        analyse, vocabulary = self._words
        tokens = analyse(text)
        known = sum(token in vocabulary for token in tokens)
        return Score(label, tuple(row), known, len(tokens))

    def explain(self, text: str) -> Explanation:
        """Nothing: scikit-learn has no answer that holds for every model."""
        return []

    def score_and_explain(self, text: str) -> tuple[Score, Explanation]:
        """The answer, and no explanation."""
        return self.score(text), []


def _word_analysis(model: Any) -> tuple[Any, Any] | None:
    """How a pipeline finds single words, and those it knows; None where it has none."""
    first = model.steps[0][1] if isinstance(model, Pipeline) else None
    if not isinstance(first, CountVectorizer):  # TfidfVectorizer is one, too
        return None
    if first.analyzer != "word" or first.ngram_range[0] != 1:
        return None
    single = clone(first).set_params(ngram_range=(1, 1))
    return single.build_analyzer(), first.vocabulary_
