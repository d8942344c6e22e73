import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, brier_score_loss, f1_score

from services.training.metrics import (
    accuracy,
    binary_brier,
    brier,
    calibration_error,
    macro_f1,
)

CLASSES = ("a", "b", "c")
LABEL = st.sampled_from(CLASSES)
PAIRS = st.lists(st.tuples(LABEL, LABEL), min_size=1)


@given(PAIRS)
def test_accuracy_and_macro_f1_are_those_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    predicted, actual = [p for p, _ in pairs], [a for _, a in pairs]
    assert accuracy(predicted, actual) == pytest.approx(accuracy_score(actual, predicted))
    expected = f1_score(actual, predicted, labels=CLASSES, average="macro", zero_division=0.0)
    assert macro_f1(predicted, actual, CLASSES) == pytest.approx(expected)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1))
def test_binary_brier_is_that_of_scikit_learn(pairs: list[tuple[float, bool]]) -> None:
    positive, actual = [p for p, _ in pairs], [a for _, a in pairs]
    expected = brier_score_loss(actual, positive, pos_label=True, labels=[False, True])
    assert binary_brier(positive, actual) == pytest.approx(expected)


def test_brier_is_the_squared_distance_to_the_truth() -> None:
    assert brier([(1, 0, 0)], ["a"], CLASSES) == 0
    assert brier([(1, 0, 0)], ["b"], CLASSES) == 2
    assert brier([(0.5, 0.3, 0.2), (0, 0, 1)], ["b", "c"], CLASSES) == pytest.approx(
        (0.25 + 0.49 + 0.04) / 2
    )


def test_calibration_error_weighs_the_gaps_by_bin() -> None:
    # In one bin: surest .9 twice, right once. In another: .6, right.
    assert calibration_error([0.9, 0.9, 0.65], [True, False, True]) == pytest.approx(
        (2 * 0.4 + 0.35) / 3
    )
    assert calibration_error([1.0, 1.0], [True, True]) == 0
