"""The split of users against its oracle and in simulation."""

from __future__ import annotations

import math
from importlib import import_module

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout import split
from rollout.split import Split, log_e_split

scipy_special = import_module("scipy.special")
counts = st.integers(0, 20_000)


@settings(deadline=None)  # a busy machine is no finding
@given(counts, counts, st.integers(1, 99), st.floats(1, 1000))
def test_it_is_the_ratio_of_beta_functions(v1: int, v2: int, weight: int, a: float) -> None:
    share = weight / 100
    oracle = scipy_special.betaln(a * (1 - share) + v1, a * share + v2)
    oracle -= scipy_special.betaln(a * (1 - share), a * share)
    oracle -= v1 * math.log(1 - share) + v2 * math.log(share)
    assert log_e_split(v1, v2, weight, a) == pytest.approx(oracle, abs=1e-6)


@given(st.integers(0, 500), st.integers(0, 500), st.integers(1, 99))
def test_it_is_a_martingale_of_users_split_as_configured(v1: int, v2: int, weight: int) -> None:
    share = weight / 100
    now = log_e_split(v1, v2, weight)
    after = share * math.exp(log_e_split(v1, v2 + 1, weight) - now)
    after += (1 - share) * math.exp(log_e_split(v1 + 1, v2, weight) - now)
    assert after == pytest.approx(1, rel=1e-9)


def test_without_two_cohorts_there_is_no_split() -> None:
    assert log_e_split(500, 10, 0) == log_e_split(10, 500, 100) == 0
    with pytest.raises(ValueError, match="not negative"):
        log_e_split(-1, 0, 25)


def test_a_user_counts_once() -> None:
    found = Split(25)
    for _ in range(1000):
        found.user("u:1", True)
        found.user("u:2", False)
    assert (found.counts.v1, found.counts.v2) == (1, 1)
    assert found.counts.log_e == pytest.approx(log_e_split(1, 1, 25))


def test_the_peak_stays() -> None:
    found = Split(25)
    for number in range(60):
        found.user(f"u:{number}", True)
    peak = found.counts.log_e
    assert peak == found.counts.peak > math.log(100)
    for number in range(180):
        found.user(f"v:{number}", False)
    assert found.counts.log_e < 0 < peak == found.counts.peak


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split, "MOST_USERS", 10)
    found = Split(50)
    for number in range(100):
        found.user(f"u:{number}", number % 2 == 0)
    assert found.counts.v1 + found.counts.v2 == 10
