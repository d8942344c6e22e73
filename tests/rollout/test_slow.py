"""What is slow: the limit that moves with v1, and whose answers are judged."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout.guardrail import ComparisonRule
from rollout.slow import FEWEST_TIMES, JUDGE_EVERY, WINDOW, WINDOW_SECONDS, Slow

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
