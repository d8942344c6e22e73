"""The guardrails that look at v2 alone: the hard stop and the outage."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.alone import HardStop, HardStopRule, Outage, OutageRule
from rollout.guardrail import MIN_USERS

RULE = HardStopRule()


def test_one_attempt_is_a_fair_bet_at_the_limit() -> None:
    fair = 0.05 * math.exp(RULE.factor(True)) + 0.95 * math.exp(RULE.factor(False))
    assert fair == pytest.approx(1)


def test_nothing_happens_before_the_fewest_attempts() -> None:
    stop = HardStop(RULE)
    for number in range(RULE.attempts):
        assert not stop.reached
        stop.attempt(True, f"u:{number}")
    assert stop.reached
    stop.passed(100_000)
    assert stop.reached


@given(st.lists(st.integers(0, 30), max_size=40))
def test_many_successes_at_once_are_as_many_one_by_one(gaps: list[int]) -> None:
    at_once, singly = HardStop(RULE), HardStop(RULE)
    for number, gap in enumerate(gaps):
        at_once.passed(gap)
        for _ in range(gap):
            singly.attempt(False, "u:other")
        for stop in (at_once, singly):
            stop.attempt(True, f"u:{number}")
    assert at_once.evidence.log_e == pytest.approx(singly.evidence.log_e)
    assert at_once.reached == singly.reached


def test_one_user_never_stops_it() -> None:
    stop = HardStop(RULE)
    for number in range(20_000):
        stop.attempt(number % 3 != 0, "u:poison")
    assert not stop.reached
    assert stop.evidence.v2 == RULE.per_user


def test_several_users_must_be_hit_whatever_the_evidence_is() -> None:
    stop = HardStop(HardStopRule(per_user=100))
    for number in range(100):
        stop.attempt(True, f"u:{number % (MIN_USERS - 1)}")
    assert not stop.reached
    stop.attempt(True, "u:another")
    assert stop.reached


def test_users_that_failed_before_the_floor_are_forgotten() -> None:
    stop = HardStop(RULE)
    stop.attempt(True, "u:1")
    assert stop.evidence.users == 1
    stop.passed(9)
    assert (stop.evidence.users, stop.evidence.log_e) == (0, 0.0)


def test_it_is_blind_up_to_where_success_outweighs_failure() -> None:
    assert RULE.attempts_to_detect(0.05) == math.inf
    assert 90 < RULE.attempts_to_detect(0.2) < 110
    assert RULE.attempts_to_detect(1.0) == RULE.attempts


def dead(outage: Outage, rounds: int, users: int = 50) -> None:
    """One failed attempt every 2 s, and requests that go to v1 at once."""
    for number in range(rounds):
        for tenth in range(20):
            outage.unanswered(number * 2 + tenth / 10, f"u:{tenth % users}", int(tenth == 0))
            outage.v1(True)


def test_a_dead_v2_is_noticed_within_seconds() -> None:
    outage = Outage(OutageRule())
    dead(outage, 3)
    assert not outage.reached
    dead(outage, 4)
    assert outage.reached
    outage.answered()
    # What is said about it afterwards is how it was.
    assert (outage.reached, outage.attempts, outage.seconds >= 5) == (True, 7, True)


def test_a_lone_failure_and_what_nginx_sends_elsewhere_after_it_are_no_outage() -> None:
    outage = Outage(OutageRule())
    for _ in range(100):
        dead(outage, 1)
        outage.answered()
        assert outage.seconds == 0
    assert not outage.reached


@pytest.mark.parametrize("users", range(1, MIN_USERS))
def test_it_takes_several_users(users: int) -> None:
    outage = Outage(OutageRule())
    dead(outage, 50, users)
    assert not outage.reached


def test_a_crash_that_is_over_at_once_is_none() -> None:
    outage = Outage(OutageRule())
    for number in range(100):
        outage.v1(True)
        outage.unanswered(0.0, f"u:{number}", 1)
    assert not outage.reached


def test_where_v1_does_not_answer_either_there_is_nowhere_to_go() -> None:
    outage = Outage(OutageRule())
    for number in range(100):
        outage.unanswered(number, f"u:{number}", 1)
        outage.v1(False)
    assert not outage.reached


def test_what_v2_was_not_asked_does_not_begin_an_outage() -> None:
    outage = Outage(OutageRule())
    outage.unanswered(1.0, "u:1", 0)
    assert (outage.attempts, outage.unanswered_requests) == (0, 0)
