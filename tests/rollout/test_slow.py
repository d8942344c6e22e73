"""What is slow: the limit that moves with v1, and whose answers are judged."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout.guardrail import ComparisonRule
from rollout.slow import (
    FEWEST_TIMES,
    JUDGE_EVERY,
    PERCENTILE,
    RESOLUTION,
    WINDOW,
    WINDOW_SECONDS,
    Slow,
    untied,
)

RULE = ComparisonRule(1.25, 2.0, 3e3, 5)


@settings(deadline=None)  # a busy machine is no finding
@given(st.lists(st.integers(1, 50), min_size=FEWEST_TIMES, max_size=700))
def test_the_limit_is_the_ninetieth_percentile_of_the_last_answers(times: list[int]) -> None:
    slow = Slow(RULE, 25)
    for number, milliseconds in enumerate(times):
        slow.answer(False, f"u:{number}", number / 100, milliseconds / 1000)
    recent = sorted(times[-WINDOW:])
    assert slow.limit == recent[int(0.9 * len(recent))] / 1000


def test_nothing_is_slow_before_there_is_enough_of_v1_and_after_it_is_gone() -> None:
    slow = Slow(RULE, 25)
    for number in range(FEWEST_TIMES - 1):
        slow.answer(False, f"u:{number}", 0.0, 0.001)
        slow.answer(True, f"v:{number}", 0.0, 9.0)
    assert slow.limit is None
    assert slow.evidence.v2 == 0
    slow.answer(False, "u:last", 0.0, 0.001)
    slow.answer(True, "v:x", 1.0, 9.0)
    assert slow.evidence.v2 == 1
    slow.answer(True, "v:y", 2.0 + WINDOW_SECONDS, 9.0)
    assert slow.evidence.v2 == 1
    assert slow.limit is None


def test_a_user_is_judged_once_in_some_seconds() -> None:
    slow = Slow(RULE, 25)
    for number in range(FEWEST_TIMES):
        slow.answer(False, f"u:{number}", 0.0, 0.001)
    for tenth in range(10):
        slow.answer(True, "v:1", 1 + tenth / 10, 9.0)
    assert slow.evidence.v2 == 1
    slow.answer(True, "v:1", 1 + JUDGE_EVERY, 9.0)
    assert slow.evidence.v2 == 2


def test_only_slower_answers_of_v2_move_it() -> None:
    slow = Slow(RULE, 50)
    for number in range(2000):
        slow.answer(number % 2 == 0, f"u:{number}", number / 50, 0.002)
    assert (slow.evidence.v1, slow.evidence.v2) == (0, 0)
    for number in range(2000):
        late = number % 2 == 0
        slow.answer(late, f"w:{number}", 40 + number / 50, 0.003 if late else 0.002)
    assert slow.reached
    assert slow.evidence.log_e >= math.log(RULE.threshold)
    assert slow.limit == pytest.approx(0.002)


def test_equal_times_are_told_apart_evenly_and_each_time_alike() -> None:
    names = [f"request-{number}" for number in range(5000)]
    found = [untied(0.002, 1_732_000_000.123, name) for name in names]
    assert found == [untied(0.002, 1_732_000_000.123, name) for name in names]
    assert 0.002 <= min(found) < max(found) < 0.002 + RESOLUTION
    # As many above the 90th percentile of the millisecond as there should be.
    above = sum(one > 0.002 + PERCENTILE * RESOLUTION for one in found)
    assert 400 < above < 600
    # Who always sends the same id is not always slow, or never.
    one = [untied(0.002, number / 1000, "mine") for number in range(1000)]
    assert 70 < sum(time > 0.002 + PERCENTILE * RESOLUTION for time in one) < 130


def test_a_slower_v2_is_seen_though_all_times_are_one_or_two_milliseconds() -> None:
    slow = Slow(RULE, 25)
    for number in range(6000):
        v2 = number % 4 == 0
        # 1.3 ms and 1.8 ms, in whole milliseconds.
        seconds = 0.002 if number // 4 % 10 < (8 if v2 else 3) else 0.001
        slow.answer(v2, f"u:{number}", number / 50, untied(seconds, number / 50, f"r{number}"))
    assert slow.reached
