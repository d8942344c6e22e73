"""Turns a pipeline that was trained elsewhere into the tables of the folded artefact.

Only what is certain to give the same answers: word counts or TF-IDF with scikit-learn's
own analysis, then logistic regression. For all else the reason is given.
"""

from array import array
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.pipeline import Pipeline

from services.folded import Folded
from services.ngrams import Ngrams

# Their subclasses may do anything; these are known.
_VECTORIZERS = (CountVectorizer, TfidfVectorizer)
_CLASSIFIERS = (LogisticRegression, LogisticRegressionCV)


class CannotFold(Exception):
    """The pipeline has a part without tables; the message says which."""


class _Weighting(NamedTuple):
    """What happens to the counts: idf of each term, and the three switches of TF-IDF."""

    idf: NDArray[np.float64]
    sublinear: bool
    normalised: bool


def fold_adopted(model: Any, classes: tuple[str, ...]) -> Folded:
    """The tables that give the model's probabilities, in the order of `classes`.

    `weights` is idf * (w_k - w_0), as in `services.training.fold`. Raises CannotFold.
    """
    vectorizer, transformer, classifier = _parts(model)
    analysis_of = _checked(vectorizer)
    weighting = _weighting(vectorizer, transformer)
    coefficients, intercepts = _linear(classifier)
    terms = vectorizer.get_feature_names_out().tolist()
    if len(terms) != coefficients.shape[1]:
        raise CannotFold(f"{len(terms)} terms but {coefficients.shape[1]} weights")
    return Folded(
        analysis=Ngrams(
            **analysis_of,
            sublinear=weighting.sublinear,
            normalised=weighting.normalised,
        ),
        classes=classes,
        intercepts=tuple(intercepts.tolist()),
        terms=terms,
        squares=array("d", (weighting.idf**2).tolist()),
        weights=tuple(array("d", row.tolist()) for row in coefficients * weighting.idf),
        lexicon={},
        lexicon_weights=(),
    )


def _parts(model: Any) -> tuple[Any, Any, Any]:
    """Vectorizer, TfidfTransformer or None, classifier."""
    model = getattr(model, "best_estimator_", model)  # a search keeps the winner there
    if not isinstance(model, Pipeline):
        raise CannotFold(f"a {type(model).__name__} is no pipeline of TF-IDF and a linear model")
    steps = [step for _, step in model.steps if step not in (None, "passthrough")]
    vectorizer, *between, classifier = steps if len(steps) > 1 else (None, steps[0])
    if type(vectorizer) not in _VECTORIZERS:
        raise CannotFold(f"{_named(vectorizer)} is neither TfidfVectorizer nor CountVectorizer")
    if type(classifier) not in _CLASSIFIERS:
        raise CannotFold(f"{_named(classifier)} is no logistic regression")
    if len(between) == 1 and type(between[0]) is TfidfTransformer:
        return vectorizer, between[0], classifier
    if between:
        raise CannotFold(f"{_named(between[0])} stands between vectorizer and classifier")
    return vectorizer, None, classifier


def _named(step: Any) -> str:
    return "its first step" if step is None else f"the step {type(step).__name__}"


def _checked(vectorizer: Any) -> dict[str, Any]:
    """How the vectorizer finds its terms. Raises CannotFold for a setting of its own."""
    if vectorizer.analyzer != "word":
        what = vectorizer.analyzer if isinstance(vectorizer.analyzer, str) else "a function"
        raise CannotFold(f"the terms are not words (analyzer is {what})")
    for name in ("preprocessor", "tokenizer", "strip_accents"):
        if getattr(vectorizer, name) is not None:
            raise CannotFold(f"the vectorizer has {name} set")
    if vectorizer.input != "content":
        raise CannotFold(f"the vectorizer reads input={vectorizer.input!r}")
    shortest, longest = vectorizer.ngram_range
    return {
        "lowercase": bool(vectorizer.lowercase),
        "token_pattern": vectorizer.token_pattern,
        "stop_words": tuple(sorted(vectorizer.get_stop_words() or ())),
        "shortest": int(shortest),
        "longest": int(longest),
        "binary": bool(vectorizer.binary),
    }


def _weighting(vectorizer: Any, transformer: Any) -> _Weighting:
    source = vectorizer if transformer is None else transformer
    if type(source) is CountVectorizer:
        return _Weighting(np.ones(len(vectorizer.vocabulary_)), sublinear=False, normalised=False)
    if transformer is not None and type(vectorizer) is TfidfVectorizer:
        raise CannotFold("TF-IDF is applied twice")
    if source.norm not in ("l2", None):
        raise CannotFold(f"the norm of TF-IDF is {source.norm!r}")
    idf = source.idf_ if source.use_idf else np.ones(len(vectorizer.vocabulary_))
    return _Weighting(
        np.asarray(idf, dtype=float),
        sublinear=bool(source.sublinear_tf),
        normalised=source.norm == "l2",
    )


def _linear(classifier: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights and intercepts of each class but the first, relative to the first."""
    weights, intercepts = classifier.coef_, classifier.intercept_
    weights = weights.toarray() if hasattr(weights, "toarray") else np.asarray(weights)
    weights, intercepts = weights.astype(float), np.asarray(intercepts, dtype=float)
    if len(classifier.classes_) == 2:
        return weights, intercepts
    one_for_each = getattr(classifier, "multi_class", None) == "ovr"
    if one_for_each or classifier.solver == "liblinear":
        raise CannotFold("its classes are fitted one against the rest")
    return weights[1:] - weights[0], intercepts[1:] - intercepts[0]
