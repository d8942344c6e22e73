"""The guardrails against simulated traffic: small runs of rollout/simulation, fixed seeds.

The bounds leave room for the error of small simulations; the table of docs/statistics.md has
the full size.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.rollout import simulation
from tests.rollout.simulation import SEED


@pytest.mark.parametrize("past", [0, 5000, 50_000])
def test_a_failing_v2_is_found_as_fast_after_any_healthy_past(past: int) -> None:
    found = [simulation.onset(SEED + run, past, 25, 0.2) for run in range(100)]
    assert np.quantile([one.seconds for one in found], 0.95) <= 10
    assert np.quantile([one.bad for one in found], 0.95) <= 15
    assert min(one.bad for one in found) >= 4


@pytest.mark.parametrize("weight", [50, 100])
def test_a_failing_v2_is_found_where_there_is_less_or_nobody_to_compare(weight: int) -> None:
    found = [simulation.onset(SEED + run, 5000, weight, 0.2) for run in range(30)]
    assert np.quantile([one.seconds for one in found], 0.95) <= 10


@pytest.mark.parametrize("weight", [5, 25, 50])
def test_trouble_of_the_host_rolls_nothing_back(weight: int) -> None:
    hits = sum(simulation.shared_incident(SEED + run, weight) for run in range(50))
    assert hits <= 2  # 50 runs at 3 %: more than 4 in one of 100 cases


def test_a_dead_v2_is_found_although_v1_answers_for_it() -> None:
    found = [simulation.repeated(SEED + run, 25, 0.001, 1.0, 60.0) for run in range(50)]
    assert max(found) <= 10
    shared = [simulation.repeated(SEED + run, 25, 0.05, 0.05, 200.0) for run in range(40)]
    assert sum(math.isfinite(one) for one in shared) <= 3


@pytest.mark.parametrize("weight", [5, 25, 50, 100])
def test_one_busy_user_with_a_poisonous_input_rolls_nothing_back(weight: int) -> None:
    found = [simulation.poison(SEED + run, weight, seconds=200) for run in range(5)]
    assert set(found) == {None}


def test_a_v2_a_fifth_slower_is_caught_and_an_equal_one_is_not() -> None:
    caught = [simulation.slower(SEED + run, 25, 1.2, spread=0.3) for run in range(12)]
    assert sum(math.isfinite(one) for one in caught) >= 11
    equal = [simulation.slower(SEED + run, 25, 1.0, by_user=0.3) for run in range(30)]
    assert sum(math.isfinite(one) for one in equal) <= 1


def test_a_healthy_v2_gets_through() -> None:
    found = [simulation.rollout(SEED + run) for run in range(40)]
    assert sum(one is not None for one in found) <= 2


def test_a_wrong_split_is_found_and_a_right_one_is_not() -> None:
    wrong = [simulation.split_found(SEED + run, 25, 28, 20_000, 40_000) for run in range(12)]
    assert sum(one is not None for one in wrong) >= 10
    right = [simulation.split_found(SEED + run, 25, 25, 5000, 8000) for run in range(100)]
    assert sum(one is not None for one in right) <= 3  # at 1 %: more in 2 of 100 cases
