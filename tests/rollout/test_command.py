"""What a person can do to a rollout."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rollout.command import obey
from rollout.state import Action, Cause, Command, Decision, Facts, Phase, Refused, State
from tests.rollout.worlds import FACTS, PLAN, START, held, seen, state

NOW = START + 40.0


def told(at: State, command: Command, facts: Facts = FACTS) -> Decision:
    return obey(PLAN, at, facts, seen(at.weight), NOW, command)


def test_pause_and_resume() -> None:
    paused = told(state(), Command.PAUSE)
    assert paused.action is Action.HOLD
    assert paused.after == State(
        Phase.HOLD, 25, 0, START, NOW, START, FACTS.digest, Cause.PAUSED, Phase.STEP
    )
    with pytest.raises(Refused, match="held already"):
        told(paused.after, Command.PAUSE)
    resumed = told(paused.after, Command.RESUME)
    # Observed anew, at the weight that it had: no new warm-up.
    assert resumed.after == state(began=NOW, since=NOW)
    with pytest.raises(Refused, match="not held"):
        told(state(), Command.RESUME)


def test_promote_goes_on_before_its_time() -> None:
    assert told(state(), Command.PROMOTE).after.weight == 50
    assert told(held(), Command.PROMOTE).after == state(
        weight=50, began=NOW, since=NOW, changed=NOW
    )
    assert told(state(Phase.BASELINE, 0), Command.PROMOTE).after.shadow == 20
    assert told(state(), Command.PROMOTE_FULL).after.weight == 100
    for command in (Command.PROMOTE, Command.PROMOTE_FULL):
        assert told(state(weight=100), command).after.phase is Phase.PROMOTED
        with pytest.raises(Refused, match="promoted already"):
            told(state(Phase.PROMOTED, 100), command)


def test_promote_is_refused_with_the_number() -> None:
    facts = replace(FACTS, capacity=40.0)
    assert told(state(), Command.PROMOTE, facts).after.weight == 50
    with pytest.raises(Refused, match=r"100 % of 50.0 requests/s would be 50.0 for v2, more than"):
        told(state(), Command.PROMOTE_FULL, facts)
    with pytest.raises(Refused, match="not ready"):
        told(state(), Command.PROMOTE, replace(FACTS, healthy=False))


@pytest.mark.parametrize("command", [Command.RESUME, Command.PROMOTE, Command.FINISH])
def test_another_candidate_does_not_inherit_the_trust(command: Command) -> None:
    for at, facts in (
        (held(cause=Cause.CANDIDATE_CHANGED), FACTS),
        (held(), replace(FACTS, digest="b" * 64)),
    ):
        with pytest.raises(Refused, match="abort, then start again"):
            told(at, command, facts)
        assert told(at, Command.ABORT, facts).after.phase is Phase.ROLLED_BACK


@pytest.mark.parametrize("at", [state(Phase.BASELINE, 0), state(), held(), state(weight=100)])
def test_abort_takes_everybody_back(at: State) -> None:
    decision = told(at, Command.ABORT)
    assert (decision.action, decision.after.weight) == (Action.ROLL_BACK, 0)


def test_finish_is_for_the_promoted() -> None:
    assert told(state(Phase.PROMOTED, 100), Command.FINISH).after.phase is Phase.FINISHED
    with pytest.raises(Refused, match="promote it first"):
        told(state(weight=100), Command.FINISH)


@pytest.mark.parametrize("command", list(Command))
@pytest.mark.parametrize("phase", [Phase.ROLLED_BACK, Phase.FINISHED])
def test_what_is_over_stays_over(command: Command, phase: Phase) -> None:
    with pytest.raises(Refused, match="is over"):
        told(state(phase, 0), command)
