"""Turns a trained pipeline into the tables of the folded artefact."""

from array import array
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from services.folded import Folded
from services.lexicon import FEATURES
from services.tokens import ANALYSES
from services.training.pipelines import vectorizer
from services.training.recipes import Recipe


def fold(recipe: Recipe, pipeline: Pipeline, valences: Mapping[str, float]) -> Folded:
    """The tables that give the pipeline's probabilities.

    With the pipeline's coefficients w, intercepts b and idf: `weights` is
    idf * (w_k - w_0), `squares` is idf^2 and `intercepts` b_k - b_0, for class k and
    the first class 0. Of two classes scikit-learn keeps that difference only.
    """
    tfidf = vectorizer(pipeline)
    classifier = pipeline.named_steps["classifier"]
    coefficients, intercepts = classifier.coef_, classifier.intercept_
    if len(classifier.classes_) > 2:
        coefficients = coefficients[1:] - coefficients[0]
        intercepts = intercepts[1:] - intercepts[0]
    terms = tfidf.get_feature_names_out().tolist()
    known = {}
    lexicon_weights: NDArray[np.float64] = np.zeros((0, 0))
    if recipe.lexicon:
        tokenize = ANALYSES[recipe.analysis].tokenize
        # An entry that is never one token can never be found either.
        known = {
            entry: valence for entry, valence in valences.items() if tokenize(entry) == [entry]
        }
        coefficients, lexicon_weights = np.split(coefficients, [-len(FEATURES)], axis=1)
    return Folded(
        analysis=recipe.analysis,
        classes=tuple(classifier.classes_.tolist()),
        intercepts=tuple(intercepts.tolist()),
        terms=terms,
        squares=array("d", (tfidf.idf_**2).tolist()),
        weights=tuple(array("d", row.tolist()) for row in coefficients * tfidf.idf_),
        lexicon=known,
        lexicon_weights=tuple(map(tuple, lexicon_weights.tolist())),
    )
