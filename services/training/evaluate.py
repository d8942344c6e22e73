"""Measures models: on the held-out tenth, on the UCI set, and by cross-validation.

What is served is what is measured: the first two go through the folded scorer.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from services.scorer import Scorer
from services.training.cleaning import Row, fold_of, text_digest
from services.training.metrics import (
    accuracy,
    binary_brier,
    brier,
    calibration_error,
    macro_f1,
)
from services.training.recipes import Recipe

FOLDS: Final = 3

Metrics = dict[str, float]


def held_out_metrics(scorer: Scorer, rows: Sequence[Row]) -> Metrics:
    """Quality over all classes on rows that the model has not seen."""
    scores = [scorer.score(row.text) for row in rows]
    predicted = [score.label for score in scores]
    probabilities = [score.probabilities for score in scores]
    return _all_classes(predicted, probabilities, [row.label for row in rows], scorer.classes)


def uci_metrics(scorer: Scorer, rows: Sequence[Row]) -> Metrics:
    """Quality on positive and negative sentences: the neutral class is left aside."""
    plus, minus = scorer.classes.index("positive"), scorer.classes.index("negative")
    positive = []
    for row in rows:
        probabilities = scorer.score(row.text).probabilities
        positive.append(probabilities[plus] / (probabilities[plus] + probabilities[minus]))
    actual = [row.label == "positive" for row in rows]
    right = [(p >= 0.5) == a for p, a in zip(positive, actual, strict=True)]
    return {
        "sentences": len(rows),
        "accuracy": sum(right) / len(rows),
        "brier": binary_brier(positive, actual),
        "calibration_error": calibration_error([max(p, 1 - p) for p in positive], right),
    }


def cross_validate(
    recipe: Recipe,
    valences: Mapping[str, float],
    rows: Sequence[Row],
    say: Callable[[str], None],
) -> Metrics:
    """Mean quality of `FOLDS` models, each on the rows that it was not trained on.

    The folds go by the digest of the text. `rows` are the training rows: the
    held-out tenth has no say in the choice of a recipe.
    """
    # Only here: the rest of this module serves without scikit-learn.
    from services.training.pipelines import fit, probabilities

    folds = [fold_of(text_digest(row.text), FOLDS) for row in rows]
    each: list[Metrics] = []
    for fold in range(FOLDS):
        seen = [row for row, own in zip(rows, folds, strict=True) if own != fold]
        unseen = [row for row, own in zip(rows, folds, strict=True) if own == fold]
        pipeline = fit(recipe, valences, seen)
        classes = pipeline.classes_.tolist()
        answers = probabilities(pipeline, [row.text for row in unseen])
        predicted = [classes[index] for index in answers.argmax(axis=1)]
        actual = [row.label for row in unseen]
        each.append(_all_classes(predicted, answers.tolist(), actual, classes))
        say(f"cross-validation {fold + 1} of {FOLDS}: macro-F1 {each[-1]['macro_f1']:.4f}")
    return {name: sum(metrics[name] for metrics in each) / FOLDS for name in each[0]}


def _all_classes(
    predicted: Sequence[str],
    probabilities: Sequence[Sequence[float]],
    actual: Sequence[str],
    classes: Sequence[str],
) -> Metrics:
    right = [p == a for p, a in zip(predicted, actual, strict=True)]
    return {
        "sentences": len(actual),
        "accuracy": accuracy(predicted, actual),
        "macro_f1": macro_f1(predicted, actual, classes),
        "brier": brier(probabilities, actual, classes),
        "calibration_error": calibration_error([max(row) for row in probabilities], right),
    }
