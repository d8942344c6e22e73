"""Folding the steps of a run of the checks, and keeping them in a recording."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.trials.checks import (
    Begun,
    ChecksState,
    ChecksStep,
    Down,
    Listed,
    Outcome,
    Promise,
    step_from_json,
)
from probes.verdict import Verdict
from tests.dashboard.checks_story import IDS, LISTED, outcome

numbers = st.floats(0, 1e10, allow_nan=False)
outcomes = st.builds(
    Outcome, numbers, st.text(), st.sampled_from(list(Verdict)), st.text(), numbers, st.text()
)
texts = st.lists(st.text(), max_size=3).map(tuple)
promises = st.lists(st.builds(Promise, st.text(), st.text(), st.text()), max_size=3).map(tuple)
steps: st.SearchStrategy[ChecksStep] = st.one_of(
    st.builds(Listed, promises, st.text()),
    st.builds(Begun, numbers, texts, st.lists(outcomes, max_size=3).map(tuple)),
    outcomes,
    st.builds(Down, texts),
)


@given(steps)
def test_every_step_survives_a_recording(step: ChecksStep) -> None:
    assert step_from_json(json.loads(json.dumps(step.to_json()))) == step


@pytest.mark.parametrize(
    "value",
    [{"kind": "other"}, {"kind": "down"}, {"kind": "outcome", "verdict": "fine"}],
)
def test_what_is_no_step_is_refused(value: dict[str, object]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        step_from_json(value)


def test_results_come_in_the_order_of_the_list() -> None:
    state = ChecksState()
    state.apply(LISTED)
    state.apply(Begun(1.0, IDS, ()))
    for number, name in enumerate(IDS):
        assert state.present == name
        assert state.waiting == IDS[number + 1 :]
        state.apply(outcome(name))
    assert state.present == ""
    assert list(state.outcomes) == list(IDS)


def test_a_run_of_one_keeps_what_is_known_of_the_others() -> None:
    state = ChecksState()
    known = (outcome("tls", at=1.0), outcome("auth", Verdict.FAILED, at=2.0))
    state.apply(Begun(5.0, ("auth",), known))
    assert state.present == "auth"
    assert state.outcomes["auth"].verdict is Verdict.FAILED
    state.apply(outcome("auth", Verdict.PASSED, at=6.0))
    assert state.present == ""
    assert {name: o.at for name, o in state.outcomes.items()} == {"tls": 1.0, "auth": 6.0}
    assert state.since == 6.0


def test_a_stack_that_is_up_again_is_not_down_any_more() -> None:
    state = ChecksState()
    state.apply(Begun(5.0, IDS, ()))
    state.apply(Down(("it is not there", "fix: start it")))
    assert state.down
    state.apply(Begun(6.0, IDS, ()))
    assert not state.down


def test_a_copy_does_not_change_with_the_original() -> None:
    state = ChecksState()
    state.apply(Begun(5.0, IDS, ()))
    copied = deepcopy(state)
    state.apply(outcome(IDS[0]))
    assert not copied.outcomes
    assert copied.present == IDS[0]
