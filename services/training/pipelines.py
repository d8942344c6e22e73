"""The scikit-learn pipelines of the recipes, and their training.

The pickled pipeline (model.joblib) is what others can load with scikit-learn, and
what the folded artefact is compared with; the service never loads it.
"""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline

from services import lexicon
from services.tokens import ANALYSES
from services.training.cleaning import Row
from services.training.recipes import SEED, Recipe


class NotConverged(Exception):
    """The fit ran into its iteration limit, so that the weights are not final."""


class LexiconSums(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The four lexicon features of each text (see `services.lexicon`)."""

    def __init__(self, analysis: str, valences: Mapping[str, float]) -> None:
        self.analysis = analysis
        self.valences = valences

    def fit(self, texts: Sequence[str], labels: Sequence[str] | None = None) -> "LexiconSums":
        """Nothing is learnt here: the valences are given."""
        return self

    def transform(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """One row of four sums for each text."""
        analysis = ANALYSES[self.analysis]
        rows = np.zeros((len(texts), len(lexicon.FEATURES)))
        for row, text in zip(rows, texts, strict=True):
            tokens = analysis.tokenize(text)
            found = lexicon.valences(tokens, self.valences)
            row[:] = lexicon.sums(found, analysis.negated(tokens), len(tokens))
        return rows

    def __sklearn_is_fitted__(self) -> bool:
        return True


def build(recipe: Recipe, valences: Mapping[str, float]) -> Pipeline:
    """The untrained pipeline of a recipe; `valences` is the lexicon, for those that use one."""
    if recipe.analysis == "words":
        # scikit-learn's own analysis, which ours equals: its pickle needs no code of ours.
        terms = TfidfVectorizer(ngram_range=(1, 2), min_df=recipe.min_df, sublinear_tf=True)
    else:
        terms = TfidfVectorizer(
            analyzer=ANALYSES[recipe.analysis].terms, min_df=recipe.min_df, sublinear_tf=True
        )
    features: Any = terms
    if recipe.lexicon:
        features = FeatureUnion(
            [("terms", terms), ("lexicon", LexiconSums(recipe.analysis, valences))]
        )
    classifier = LogisticRegression(
        C=recipe.c, tol=recipe.tol, max_iter=recipe.max_iter, random_state=SEED
    )
    return Pipeline([("features", features), ("classifier", classifier)])


def fit(recipe: Recipe, valences: Mapping[str, float], rows: Sequence[Row]) -> Pipeline:
    """Train the pipeline of a recipe.

    Raises NotConverged where the optimiser stops at its iteration limit.
    """
    pipeline = build(recipe, valences)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            pipeline.fit([row.text for row in rows], [row.label for row in rows])
        except ConvergenceWarning as warning:
            raise NotConverged(f"{recipe.version}: {warning}") from warning
    return pipeline


def save(pipeline: Pipeline, path: Path) -> None:
    """Pickle a trained pipeline; the same model gives the same bytes."""
    # scikit-learn keeps a memory address (that of None) as a cache key, and renews it
    # with every text it analyses: without this, no two dumps would be the same.
    vectorizer(pipeline)._stop_words_id = 0
    joblib.dump(pipeline, path)


def vectorizer(pipeline: Pipeline) -> TfidfVectorizer:
    """The TF-IDF step of a pipeline."""
    features = pipeline.named_steps["features"]
    if isinstance(features, FeatureUnion):
        return dict(features.transformer_list)["terms"]
    return features


def probabilities(pipeline: Pipeline, texts: Sequence[str]) -> NDArray[np.float64]:
    """One row for each text, in the order of the pipeline's classes."""
    result: NDArray[np.float64] = pipeline.predict_proba(list(texts))
    return result
