"""What a rollout decides: every way from one phase to the next, and what takes it back."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollout.decide import begin, decide
from rollout.guardrail import Evidence
from rollout.observe import Observations
from rollout.plan import Plan, ShadowStep
from rollout.split import SplitCounts
from rollout.state import Action, Cause, Decision, Facts, Phase, Refused, State
from tests.rollout.worlds import BROKEN, FACTS, PLAN, START, held, seen, state

LATER = START + 121.0


def decided(at: State, facts: Facts = FACTS, **changes: Any) -> Decision:
    return decide(PLAN, at, facts, seen(at.weight, **changes), LATER)


def test_a_good_candidate_goes_all_the_way() -> None:
    now = START
    at = begin(PLAN, FACTS, now).after
    way = [(at.phase, at.weight, at.shadow)]
    for _ in range(6):
        now += 121
        warm = at.changed + PLAN.warm_up
        decision = decide(PLAN, at, FACTS, seen(at.weight, warm_at=warm, last_request=now), now)
        assert decision.action is Action.ADVANCE
        at = decision.after
        way.append((at.phase, at.weight, at.shadow))
    assert way == [
        (Phase.BASELINE, 0, 0),
        (Phase.SHADOW, 0, 20),
        (Phase.STEP, 5, 0),
        (Phase.STEP, 25, 0),
        (Phase.STEP, 50, 0),
        (Phase.STEP, 100, 0),
        (Phase.PROMOTED, 100, 0),
    ]
    # The last one changed no weight: no new warm-up, nothing forgotten.
    assert at.changed < at.since == now
    assert at.began == at.changed
    assert decide(PLAN, at, FACTS, seen(100, last_request=now), now + 1).action is Action.WAIT


def test_without_a_shadow_the_first_step_comes_at_once() -> None:
    plan = replace(PLAN, shadow=ShadowStep(percent=0))
    after = decide(plan, state(Phase.BASELINE, 0), FACTS, seen(0), LATER).after
    assert (after.phase, after.weight, after.shadow) == (Phase.STEP, 5, 0)


@pytest.mark.parametrize("facts", [replace(FACTS, healthy=False), replace(FACTS, digest=None)])
def test_nothing_begins_without_a_candidate(facts: Facts) -> None:
    with pytest.raises(Refused, match="no candidate is ready"):
        begin(PLAN, facts, START)


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("failed", {"failed": BROKEN}, "10 of the last 10 failed requests were v2's"),
    ("slow", {"slow": BROKEN}, "more than 1.25 times v1's rate"),
    ("hard stop", {"hard_stop": BROKEN, "failed_v2": 80}, "80 of 1000 attempts of v2 failed"),
    ("outage", {"outage": True, "outage_requests": 90, "outage_seconds": 6.0}, "none of 90 canary"),
]


@pytest.mark.parametrize(("guard", "changes", "reason"), BAD, ids=[bad[0] for bad in BAD])
@pytest.mark.parametrize(
    "at", [state(), held(), held(cause=Cause.INCONCLUSIVE), state(Phase.PROMOTED, 25)]
)
def test_a_bad_v2_is_rolled_back_in_every_phase(
    at: State, guard: str, changes: dict[str, Any], reason: str
) -> None:
    decision = decided(at, **changes)
    assert (decision.action, decision.trigger) == (Action.ROLL_BACK, guard)
    assert reason in decision.reason
    after = decision.after
    assert (after.phase, after.weight, after.shadow) == (Phase.ROLLED_BACK, 0, 0)
    assert decide(PLAN, after, FACTS, seen(0), LATER + 9999).after == after


def test_also_when_it_restarts_again_and_again() -> None:
    assert decided(state(), replace(FACTS, restarts=2)).action is Action.ADVANCE
    decision = decided(held(), replace(FACTS, restarts=3))
    assert (decision.action, decision.trigger) == (Action.ROLL_BACK, "restarts")


def test_who_answers_nobody_is_not_rolled_back() -> None:
    decision = decided(state(Phase.SHADOW, 0), failed=BROKEN, hard_stop=BROKEN, outage=True)
    assert decision.action is Action.ADVANCE


def test_a_void_comparison_says_nothing() -> None:
    assert decided(state(), failed=replace(BROKEN, void=True)).action is Action.ADVANCE


MISSING: list[tuple[State, Facts, dict[str, Any], str, Cause]] = [
    (state(), FACTS, {"users_v2": 49}, "49 of 50 users of v2", Cause.INCONCLUSIVE),
    (state(), FACTS, {"warm_at": LATER - 59}, "59 s of 1 m 00 s observed", Cause.INCONCLUSIVE),
    (state(), replace(FACTS, healthy=False), {}, "not ready", Cause.INCONCLUSIVE),
    (state(), replace(FACTS, load=0.95), {}, "95 % of a core", Cause.LOAD),
    (state(), replace(FACTS, load=0.95), {"users_v2": 0}, "95 % of a core", Cause.INCONCLUSIVE),
    (state(Phase.SHADOW, 0), FACTS, {"shadow_pairs": 99}, "99 of 100", Cause.INCONCLUSIVE),
    (state(Phase.SHADOW, 0), FACTS, {"shadow_same": 200}, "40 % of the answers", Cause.AGREEMENT),
    (state(Phase.SHADOW, 0), FACTS, {"shadow_failed": 60}, "10.7 % of 560 copies", Cause.AGREEMENT),
    (
        state(Phase.SHADOW, 0),
        replace(FACTS, load=0.95),
        {"shadow_same": 200},
        "40 % of the answers",
        Cause.INCONCLUSIVE,
    ),
    (state(Phase.BASELINE, 0), replace(FACTS, healthy=False), {}, "not ready", Cause.INCONCLUSIVE),
]


@pytest.mark.parametrize(("at", "facts", "changes", "text", "cause"), MISSING)
def test_what_is_missing_is_waited_for_and_then_holds(
    at: State, facts: Facts, changes: dict[str, Any], text: str, cause: Cause
) -> None:
    found = seen(at.weight, **changes)
    waiting = decide(PLAN, at, facts, found, LATER)
    assert (waiting.action, waiting.after) == (Action.WAIT, at)
    assert text in waiting.reason
    end = START + PLAN.max_wait
    late = replace(found, last_request=end, warm_at=end - LATER + found.warm_at)
    assert decide(PLAN, at, facts, late, end - 0.01).action is Action.WAIT
    decision = decide(PLAN, at, facts, late, end)
    assert (decision.action, decision.after.cause) == (Action.HOLD, cause)
    assert text in decision.reason
    assert (decision.after.held, decision.after.weight) == (at.phase, at.weight)
    # Latched: nothing that comes later takes it back.
    good = seen(at.weight, last_request=end + 500)
    assert decide(PLAN, decision.after, FACTS, good, end + 500).after == decision.after


HELD: list[tuple[Facts, dict[str, Any], Cause, str]] = [
    (FACTS, {"split": SplitCounts(700, 300, 1.0, math.log(100))}, Cause.SPLIT, "300 of 1,000"),
    (FACTS, {"last_request": LATER - 121}, Cause.NO_DATA, "no request for 2 m 01 s"),
    (replace(FACTS, digest="b" * 64), {}, Cause.CANDIDATE_CHANGED, "now is bbbbbbbbbbbb"),
    (replace(FACTS, capacity=31.0), {}, Cause.CAPACITY, "50 % of 50.0 requests/s would be 25.0"),
]


@pytest.mark.parametrize(("facts", "changes", "cause", "text"), HELD)
def test_what_holds_at_once(facts: Facts, changes: dict[str, Any], cause: Cause, text: str) -> None:
    decision = decided(state(), facts, **changes)
    assert (decision.action, decision.after.cause) == (Action.HOLD, cause)
    assert text in decision.reason
    assert decision.after.weight == 25


@pytest.mark.parametrize(
    "at",
    [state(Phase.SHADOW, 0), state(), held(), state(Phase.PROMOTED, 100)],
    ids=lambda at: str(at.phase),
)
def test_a_clock_that_is_set_back_takes_everybody_back(at: State) -> None:
    decision = decide(PLAN, at, FACTS, Observations(), at.began - 3600)
    assert (decision.action, decision.trigger) == (Action.ROLL_BACK, "clock")
    assert (decision.after.phase, decision.after.weight) == (Phase.ROLLED_BACK, 0)
    assert "the clock is 1 h 00 m before" in decision.reason
    # What a time server corrects now and then does no harm.
    near = decide(PLAN, at, FACTS, Observations(), at.began - 2)
    assert near.action is Action.WAIT


def test_just_less_does_not() -> None:
    facts = replace(FACTS, capacity=31.3, digest=None)
    split = SplitCounts(700, 300, 1.0, math.log(99.9))
    assert decided(state(), facts, split=split).action is Action.ADVANCE
    assert decided(state(), last_request=LATER - 119).action is Action.ADVANCE


evidence = st.builds(
    Evidence,
    st.floats(0, 20),
    st.just(math.log(1000)),
    st.booleans(),
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, 9),
    st.booleans(),
)
observations = st.builds(
    Observations,
    weight=st.sampled_from([0, 5, 25, 50, 100]),
    warm_at=st.floats(START, START + 700),
    last_request=st.none() | st.floats(START, START + 700),
    users_v2=st.integers(0, 300),
    split=st.builds(
        SplitCounts, st.integers(0, 99), st.integers(0, 99), st.just(0.0), st.floats(0, 9)
    ),
    rate=st.floats(0, 100),
    failed=evidence,
    slow=evidence,
    hard_stop=evidence,
    outage=st.booleans(),
    shadow_pairs=st.integers(0, 300),
)
facts = st.builds(
    Facts,
    st.booleans(),
    st.sampled_from([None, "a" * 64, "b" * 64]),
    st.integers(0, 4),
    st.none() | st.floats(1, 200),
    st.none() | st.floats(0, 2),
)
states = st.sampled_from(
    [state(Phase.BASELINE, 0), state(Phase.SHADOW, 0), state(), state(weight=100), held()]
    + [held(cause=cause) for cause in Cause]
    + [state(Phase.PROMOTED, 100), state(Phase.ROLLED_BACK, 0), state(Phase.FINISHED, 0)]
)


@settings(deadline=None)  # a busy machine is no finding
@given(states, facts, observations, st.floats(START, START + 800))
def test_whatever_happens_it_goes_one_step_or_back_to_nothing(
    at: State, facts: Facts, found: Observations, now: float
) -> None:
    decision = decide(PLAN, at, facts, found, now)
    after = decision.after
    weights = [0, *(step.weight for step in PLAN.steps)]
    assert (decision.action is Action.WAIT) == (after == at)
    assert decision.reason
    match decision.action:
        case Action.ADVANCE:
            assert at.phase not in (Phase.HOLD, Phase.PROMOTED)
            assert weights.index(after.weight) - weights.index(at.weight) in (0, 1)
        case Action.HOLD:
            assert at.phase is not Phase.HOLD
            assert (after.weight, after.shadow) == (at.weight, at.shadow)
            assert after.cause is not None
        case Action.ROLL_BACK:
            assert at.weight > 0
            assert (after.weight, after.shadow) == (0, 0)
        case _:
            assert decision.action is Action.WAIT
    if at.ended:
        assert after == at
    # The same again: a decision depends on nothing else.
    assert decide(PLAN, at, facts, found, now) == decision


def test_the_default_plan_is_one() -> None:
    assert [step.weight for step in Plan().steps] == [5, 25, 50, 100]


def test_no_data_is_counted_from_the_start_of_a_step_that_observes() -> None:
    assert decided(state(began=LATER - 10), last_request=None).action is Action.ADVANCE
    assert decided(state(), last_request=None).after.cause is Cause.NO_DATA
    waiting = decided(
        state(Phase.BASELINE, 0), replace(FACTS, healthy=False), last_request=START - 999
    )
    assert waiting.action is Action.WAIT


def test_of_no_answers_none_differ() -> None:
    found = decided(state(Phase.SHADOW, 0), shadow_pairs=0, shadow_same=0)
    assert "0 of 100 requests answered by both" in found.reason
    assert "of the answers" not in found.reason
