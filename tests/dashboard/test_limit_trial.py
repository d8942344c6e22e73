"""Folding the steps of a rate-limit test, and keeping them in a recording."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.trials.ratelimit import (
    MAX_VOLLEYS,
    Answered,
    Before,
    LimitRead,
    RateLimitState,
    RateLimitStep,
    Sending,
    Volley,
    step_from_json,
)
from gateway.errors import Place
from probes.limit_files import RateLimit
from probes.ratelimit import MAX_REQUESTS, Plan, Shot
from probes.verdict import Verdict
from tests.dashboard.limit_story import LIMIT, READ, as_expected, before, burst

seconds = st.floats(0, 1e10, allow_nan=False)
plans = st.builds(Plan, st.integers(1, MAX_REQUESTS), st.none() | st.floats(0.1, 1000))
limits = st.builds(
    RateLimit,
    st.integers(1, 60_000),
    st.integers(0, 1000),
    st.booleans(),
    st.sampled_from([429, 503]),
    st.builds(Place, st.text(), st.none() | st.integers(1, 9999)),
)
volleys = st.builds(
    Volley,
    seconds,
    plans,
    st.integers(0, 150),
    st.tuples(st.integers(0, 150), st.integers(0, 150)),
    st.sampled_from(list(Verdict)),
)
shots = st.builds(Shot, st.integers(0, 149), seconds, seconds, st.none() | st.integers(100, 599))
steps: st.SearchStrategy[RateLimitStep] = st.one_of(
    st.builds(LimitRead, st.text(), st.none() | limits, st.text(), st.text()),
    st.builds(Before, st.lists(volleys, max_size=3).map(tuple)),
    st.builds(Sending, plans, st.text()),
    st.builds(Answered, shots),
)


@given(steps)
def test_every_step_survives_a_recording(step: RateLimitStep) -> None:
    assert step_from_json(json.loads(json.dumps(step.to_json()))) == step


@pytest.mark.parametrize(
    "value",
    [
        {"kind": "other"},
        {"kind": "sending", "requests": 0, "rate": None, "source": ""},
        {"kind": "limit", "target": "", "request": "", "problem": "", "limit": {"per_minute": 0}},
        {"kind": "answered", "number": 1},
    ],
)
def test_what_is_no_step_is_refused(value: dict[str, object]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        step_from_json(value)


def folded(plan: Plan, shots: list[Shot]) -> RateLimitState:
    state = RateLimitState()
    steps: list[RateLimitStep] = [READ, Sending(plan, "127.0.1.144"), *map(Answered, shots)]
    for step in steps:
        state.apply(step)
    return state


def test_a_volley_is_judged_by_the_limit_at_its_beginning() -> None:
    plan = Plan(42)
    state = folded(plan, as_expected(plan))
    state.apply(LimitRead("POST /predict", RateLimit(600, 5, False, 429, LIMIT.place), "curl"))
    found = state.judgement()
    assert found is not None
    assert (found.verdict, found.passed, found.expected) == (Verdict.PASSED, 21, (21, 21))
    assert state.read is not None
    assert state.read.limit is not None
    assert state.read.limit.burst == 5


def test_a_copy_does_not_change_with_the_original() -> None:
    plan = Plan(42)
    state = folded(plan, as_expected(plan)[:10])
    copied = deepcopy(state)
    state.apply(Answered(as_expected(plan)[10]))
    assert (len(copied.shots), len(state.shots)) == (10, 11)


def test_only_a_complete_volley_is_remembered() -> None:
    plan = Plan(42)
    state = folded(plan, as_expected(plan)[:41])
    state.apply(Before(before()))
    assert not state.complete
    assert state.volleys(5.0) == before()
    state.apply(Answered(as_expected(plan)[41]))
    assert state.complete
    assert state.volleys(None) == before()
    this, *others = state.volleys(5.0)
    assert this == Volley(5.0, plan, 21, (21, 21), Verdict.PASSED)
    assert tuple(others) == before()


def test_not_more_volleys_are_remembered_than_can_be_shown() -> None:
    state = folded(Plan(1), as_expected(Plan(1)))
    state.apply(Before(before() * MAX_VOLLEYS))
    assert len(state.volleys(5.0)) == MAX_VOLLEYS


@pytest.mark.parametrize(("passed", "expected"), [(0, 0.0), (5, 0.5), (21, 2.1), (40, 2.1)])
def test_the_recovery_is_what_was_used_at_the_rate(passed: int, expected: float) -> None:
    state = folded(Plan(42), burst([200] * passed + [429] * (42 - passed)))
    assert state.recovery_s() == pytest.approx(expected)
