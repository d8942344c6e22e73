"""The comparison of failures: its formula, its restart, and what one user may contribute."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.guardrail import MIN_USERS, Comparison, ComparisonRule, recompute

RULE = ComparisonRule(2.0, 12.0, 1e3, 3)
names = (f"u:{number}" for number in itertools.count())


def test_the_chances_are_those_of_the_formula() -> None:
    p0, p1 = RULE.chances(0.25)
    assert p0 == pytest.approx(0.25 * 2 / (0.25 * 2 + 0.75)) == pytest.approx(0.4)
    assert p1 == pytest.approx(0.8)
    assert RULE.factor(True, 0.25) == pytest.approx(math.log(0.8 / 0.4))
    assert RULE.factor(False, 0.25) == pytest.approx(math.log(0.2 / 0.6))


@given(st.floats(0.01, 0.99), st.floats(1, 10), st.floats(1.1, 10))
def test_one_event_is_a_fair_bet_at_the_allowed_ratio(share: float, r: float, more: float) -> None:
    rule = ComparisonRule(r, r * more, 1e3, 3)
    p0, p1 = rule.chances(share)
    assert p0 < p1
    fair = p0 * math.exp(rule.factor(True, share)) + (1 - p0) * math.exp(rule.factor(False, share))
    assert fair == pytest.approx(1)


@pytest.mark.parametrize(("weight", "events"), [(0, 0), (5, 5), (25, 10), (50, 22), (100, 0)])
def test_so_many_failures_of_v2_alone_reach_it(weight: int, events: int) -> None:
    assert RULE.events_to_detect(weight) == events
    comparison = Comparison(RULE, weight)
    for number in range(60):
        assert comparison.reached == bool(events and number >= events)
        comparison.event(True, next(names))
    assert comparison.evidence.void == (events == 0)


def test_failures_of_v1_take_it_back_to_the_floor_and_no_further() -> None:
    comparison = Comparison(RULE, 25)
    for _ in range(1000):
        comparison.event(False, next(names))
    assert comparison.evidence.log_e == 0
    for _ in range(9):
        comparison.event(True, next(names))
    assert (comparison.evidence.v1, comparison.evidence.v2, comparison.reached) == (0, 9, False)
    comparison.event(False, next(names))
    assert comparison.evidence.log_e == pytest.approx(9 * math.log(2) - math.log(3))
    for _ in range(6):
        comparison.event(False, next(names))
    assert comparison.evidence.log_e == 0
    assert comparison.evidence.run == ()


@pytest.mark.parametrize("weight", [1, 5, 25, 50, 75])
def test_one_user_never_decides(weight: int) -> None:
    comparison = Comparison(RULE, weight)
    for _ in range(10_000):
        comparison.request(True, "u:poison", True)
    assert not comparison.reached
    assert comparison.evidence.v2 == RULE.most_of_one(weight)
    assert comparison.evidence.v2 <= RULE.per_user
    # Another user's lone failures do not add up with it to a rollback.
    comparison.event(True, "u:lone")
    assert comparison.evidence.log_e < 0.7 * math.log(RULE.threshold)


def test_the_smaller_the_weight_the_fewer_events_of_a_user_count() -> None:
    assert [RULE.most_of_one(weight) for weight in (1, 5, 25, 50, 100)] == [1, 1, 3, 3, 3]


def test_several_users_must_be_hit_whatever_the_evidence_is() -> None:
    comparison = Comparison(ComparisonRule(2, 12, 10, 100), 50)
    comparison.expose(20_000, 0)  # v2 has far fewer requests than users: each event says more
    for number in range(100):
        comparison.event(True, f"u:{number % (MIN_USERS - 1)}")
    assert not comparison.reached
    assert comparison.evidence.log_e > comparison.evidence.log_threshold
    comparison.event(True, "u:another")
    assert comparison.reached


def test_a_user_may_count_again_after_the_floor() -> None:
    comparison = Comparison(RULE, 25)
    for _ in range(2):
        for _ in range(5):
            comparison.event(True, "u:one")
        assert comparison.evidence.v2 == RULE.per_user
        for number in range(5):
            comparison.event(False, f"u:v1-{number}")
        assert comparison.evidence.v2 == 0


def test_once_reached_it_stays() -> None:
    comparison = Comparison(RULE, 25)
    for number in range(10):
        comparison.event(True, f"u:{number}")
    assert comparison.reached
    for _ in range(100):
        comparison.event(False, next(names))
    assert comparison.reached


def test_the_share_is_that_of_the_requests_not_of_the_users() -> None:
    comparison = Comparison(RULE, 5)
    comparison.expose(10_000, 10_000)
    comparison.event(True, "u:1")
    run = comparison.evidence.run
    assert run is not None
    assert run[0][1] == pytest.approx(0.5, abs=0.01)
    # Who has no more to say is no exposure either.
    for _ in range(RULE.per_user):
        comparison.event(True, "u:1")
    for _ in range(20_000):
        comparison.request(True, "u:1", False)
    comparison.event(True, "u:2")
    run = comparison.evidence.run
    assert run is not None
    assert run[-1][1] == pytest.approx(0.5, abs=0.01)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8), st.booleans()), max_size=300))
def test_the_evidence_is_recomputed_from_its_run(
    requests: list[tuple[bool, int, bool]],
) -> None:
    comparison = Comparison(ComparisonRule(2, 12, 1e9, 3), 25)
    for v2, user, failed in requests:
        comparison.request(v2, f"u:{user}", failed)
        evidence = comparison.evidence
        assert evidence.run is not None
        assert recompute(ComparisonRule(2, 12, 1e9, 3), evidence.run) == evidence.log_e
        assert evidence.log_e >= 0
        assert evidence.v1 + evidence.v2 == len(evidence.run)


def test_a_long_run_is_not_kept() -> None:
    comparison = Comparison(ComparisonRule(1.25, 1.3, 1e300, 3), 50)
    for _ in range(300):
        comparison.event(True, next(names))
    assert comparison.evidence.run is None
    assert comparison.evidence.v2 == 300


def test_requests_without_an_event_are_what_the_share_is_made_of() -> None:
    comparison = Comparison(RULE, 25)
    for number in range(20_000):
        comparison.request(number % 2 == 0, f"u:{number}", False)
    comparison.event(True, "u:bad")
    run = comparison.evidence.run
    assert run is not None
    assert run[0][1] == pytest.approx(0.5, abs=0.01)


def test_the_share_is_that_of_today() -> None:
    comparison = Comparison(RULE, 25)
    comparison.expose(100_000, 0)
    for _ in range(60):
        comparison.expose(0, 1000)
    comparison.event(True, "u:bad")
    run = comparison.evidence.run
    assert run is not None
    assert run[0][1] > 0.8
