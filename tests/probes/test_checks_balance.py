"""The balance statistic against scipy, and what it says about fair and unfair spreads."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped, unused-ignore]

from probes.balance import ALPHA, chi_square_tail, p_value

COUNTS = st.lists(st.integers(0, 500), min_size=2, max_size=9).filter(
    lambda counts: sum(counts) >= 5 * len(counts)
)


@given(COUNTS)
def test_the_probability_is_that_of_scipy(counts: list[int]) -> None:
    expected = float(stats.chisquare(counts).pvalue)
    assert p_value(counts) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@given(st.floats(0, 500), st.integers(1, 40))
def test_the_tail_is_that_of_scipy(statistic: float, freedom: int) -> None:
    expected = float(stats.chi2.sf(statistic, freedom))
    assert chi_square_tail(statistic, freedom) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@given(COUNTS, st.randoms())
def test_the_order_of_the_instances_does_not_matter(
    counts: list[int], generator: random.Random
) -> None:
    mixed = list(counts)
    generator.shuffle(mixed)
    assert p_value(mixed) == pytest.approx(p_value(counts), rel=1e-12)


def test_random_spreads_are_called_uneven_as_rarely_as_promised() -> None:
    generator = random.Random(1)  # noqa: S311 - a simulation
    runs = 4000
    wrong = 0
    for _ in range(runs):
        hits = Counter(generator.choices(range(3), k=96))
        wrong += p_value([hits[each] for each in range(3)]) < ALPHA
    # Binomial with mean 4: 15 or more has a probability of 2e-5.
    assert wrong < 15


@pytest.mark.parametrize("counts", [(48, 48, 0), (96, 0, 0), (60, 26, 10)])
def test_what_an_operator_would_call_uneven_is_uneven(counts: tuple[int, ...]) -> None:
    assert p_value(counts) < ALPHA


@pytest.mark.parametrize("counts", [(32, 32, 32), (40, 30, 26), (48, 48)])
def test_an_even_spread_is_even(counts: tuple[int, ...]) -> None:
    assert p_value(counts) > ALPHA


@pytest.mark.parametrize("counts", [(), (7,), (3, 4, 4), (20, -1)])
def test_what_cannot_be_judged_is_refused(counts: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"two counts|too few"):
        p_value(counts)
