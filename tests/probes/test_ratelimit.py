"""What a volley of requests comes to."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Place
from probes.limit_files import RateLimit
from probes.ratelimit import MAX_REQUESTS, Plan, Shot, default_plan, judge, strip
from probes.verdict import Verdict

LIMIT = RateLimit(600, 20, False, 429, Place("nginx/conf.d/servers.conf", 84))


def shots(statuses: Sequence[int | None], took: float = 0.01) -> list[Shot]:
    return [Shot(number, 0.0001 * number, took, s) for number, s in enumerate(statuses)]


@given(st.integers(0, 42))
def test_only_burst_and_one_is_right(passed: int) -> None:
    plan = Plan(42)
    found = judge(shots([200] * passed + [429] * (42 - passed)), LIMIT, plan)
    assert found.expected == (21, 21)
    assert found.passed == passed
    assert found.verdict is (Verdict.PASSED if passed == 21 else Verdict.FAILED)
    assert "servers.conf:84" in found.reason


def test_a_slow_burst_may_let_more_through() -> None:
    found = judge(shots([200] * 24 + [429] * 18, took=0.35), LIMIT, Plan(42))
    assert found.expected == (21, 24)
    assert found.verdict is Verdict.PASSED
    fewer = judge(shots([200] * 20 + [429] * 22, took=0.35), LIMIT, Plan(42))
    assert fewer.verdict is Verdict.FAILED


def test_a_burst_that_took_seconds_decides_nothing() -> None:
    found = judge(shots([200] * 42, took=3.0), LIMIT, Plan(42))
    assert found.verdict is Verdict.INCONCLUSIVE


def test_no_refusal_at_all_fails() -> None:
    assert judge(shots([200] * 42), LIMIT, Plan(42)).verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("statuses", "said"),
    [([401] * 42, "401"), ([200] * 21 + [None] * 21, "none in time"), ([200] * 21, "only 21")],
)
def test_what_is_no_answer_of_the_limit_is_an_error(statuses: list[int | None], said: str) -> None:
    found = judge(shots(statuses), LIMIT, Plan(42))
    assert found.verdict is Verdict.ERROR
    assert said in found.reason


def test_at_a_rate_the_expectation_grows_with_time() -> None:
    plan = Plan(60, 20.0)
    sent = [number / 20 for number in range(60)]
    marks = LIMIT.passes(sent)
    taken = [
        Shot(number, at, at + 0.002, 200 if ok else 429)
        for number, (at, ok) in enumerate(zip(sent, marks, strict=True))
    ]
    found = judge(taken, LIMIT, plan)
    assert found.verdict is Verdict.PASSED
    assert found.expected == (found.passed - 1, found.passed + 1)
    assert found.passed == pytest.approx(21 + 10 * 2.95, abs=1)


def test_the_strip_is_in_the_order_of_sending() -> None:
    mixed = [*reversed(shots([200, 429, None, 503]))]
    assert strip(mixed, LIMIT) == "#x?!"


@pytest.mark.parametrize(
    ("requests", "rate"), [(0, None), (MAX_REQUESTS + 1, None), (5, 0.0), (5, float("nan"))]
)
def test_a_plan_that_cannot_be_sent_is_refused(requests: int, rate: float | None) -> None:
    with pytest.raises(ValueError, match="choose"):
        Plan(requests, rate)


def test_the_default_sends_twice_what_passes() -> None:
    assert default_plan(LIMIT) == Plan(42)
    wide = RateLimit(600, 500, False, 429, LIMIT.place)
    assert default_plan(wide).requests == MAX_REQUESTS
