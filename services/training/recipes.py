"""What v1 and v2 are made of, as plain data.

Apart from the code that builds the pipelines, so that `--if-needed` can compare
recipes without the seconds it takes to import scikit-learn.
"""

from dataclasses import dataclass
from typing import Final

CLASSES: Final = ("negative", "neutral", "positive")

SEED: Final = 0
"""Given to every estimator that takes one; the fits themselves are deterministic."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A linear text model: features, and the strength of its regularisation.

    `analysis` names an entry of `services.tokens.ANALYSES`. Terms of fewer than
    `min_df` training texts are dropped. `c` is the inverse regularisation strength of
    the logistic regression and `tol` its stopping tolerance: at 1e-3 the fit stops
    early and loses almost a point of accuracy.
    """

    version: str
    summary: str
    analysis: str
    lexicon: bool
    min_df: int = 2
    c: float = 3.0
    tol: float = 1e-4
    max_iter: int = 3000


RECIPES: Final = {
    "v1": Recipe(
        version="v1",
        summary="TF-IDF of words and word pairs, logistic regression",
        analysis="words",
        lexicon=False,
    ),
    "v2": Recipe(
        version="v2",
        summary="TF-IDF of tweet tokens, pairs and negated words, VADER lexicon sums, "
        "logistic regression",
        analysis="tweets",
        lexicon=True,
    ),
}
