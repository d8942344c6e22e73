"""Quality of predicted probabilities, in plain Python.

`probabilities` hold one row for each text, in the order of `classes`.
"""

from collections.abc import Sequence
from typing import Final

CALIBRATION_BINS: Final = 10

Probabilities = Sequence[Sequence[float]]


def accuracy(predicted: Sequence[str], actual: Sequence[str]) -> float:
    """Share of right answers."""
    return sum(map(str.__eq__, predicted, actual)) / len(actual)


def macro_f1(predicted: Sequence[str], actual: Sequence[str], classes: Sequence[str]) -> float:
    """Mean over the classes of 2 TP / (2 TP + FP + FN): every class counts the same."""
    scores = []
    for label in classes:
        both = sum(p == label == a for p, a in zip(predicted, actual, strict=True))
        either = sum(p == label for p in predicted) + sum(a == label for a in actual)
        scores.append(2 * both / either if either else 0.0)
    return sum(scores) / len(scores)


def brier(probabilities: Probabilities, actual: Sequence[str], classes: Sequence[str]) -> float:
    """Mean squared distance to the one-hot truth, 0 (best) to 2 (Brier 1950)."""
    total = 0.0
    for row, label in zip(probabilities, actual, strict=True):
        total += sum((p - (name == label)) ** 2 for p, name in zip(row, classes, strict=True))
    return total / len(actual)


def binary_brier(positive: Sequence[float], actual: Sequence[bool]) -> float:
    """Mean squared error of a single probability, 0 (best) to 1."""
    return sum((p - a) ** 2 for p, a in zip(positive, actual, strict=True)) / len(actual)


def calibration_error(confidence: Sequence[float], right: Sequence[bool]) -> float:
    """Expected calibration error over ten equal bins (Guo et al. 2017).

    The mean distance between confidence and accuracy, weighted by bin size.
    """
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(CALIBRATION_BINS)]
    for sure, correct in zip(confidence, right, strict=True):
        bins[min(int(sure * CALIBRATION_BINS), CALIBRATION_BINS - 1)].append((sure, correct))
    gaps = (abs(sum(sure - correct for sure, correct in members)) for members in bins)
    return sum(gaps) / len(right)
