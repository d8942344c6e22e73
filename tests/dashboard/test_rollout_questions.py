"""What is asked before a rollout is changed, what is refused at once, what a decision came to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.events import RolloutState
from dashboard.glyphs import ASCII, UNICODE
from dashboard.lines import plain
from dashboard.model import Model
from dashboard.rollout_explain_lines import explanation_lines, in_short
from dashboard.rollout_lines import rollout
from dashboard.rollout_questions import Order, needless, order_of, question
from dashboard.view import View
from rollout.record import Entry, explain
from rollout.state import Action, Command, Decision, Phase
from tests.dashboard.rollout_story import (
    AT,
    DECISIONS,
    FACTS,
    SEEN,
    STATE,
    STATUSES,
    STEP,
    story,
)
from tests.dashboard.stories import model

VIEW = View(120, 38, UNICODE)


def folded(name: str) -> Model:
    return model(*story(name))


@pytest.mark.parametrize(
    ("name", "word", "order"),
    [
        ("step", "hold", Order.PAUSE),
        ("hold", "hold", Order.RESUME),
        ("none", "start", Order.START),
        ("step", "start", Order.START),
        ("rolled back", "start", Order.START),
        ("dead", "start", Order.REVIVE),
        ("dead", "abort", Order.ABORT),
    ],
)
def test_one_key_holds_and_resumes_and_one_starts(name: str, word: str, order: Order) -> None:
    assert order_of(folded(name), word) is order


@pytest.mark.parametrize(
    ("name", "order", "words"),
    [
        ("step", Order.START, "a rollout is under way: a ends it first"),
        ("none", Order.ABORT, "no rollout is under way: s starts one"),
        ("finished", Order.PAUSE, "no rollout is under way: s starts one"),
        ("dead", Order.ABORT, "no engine runs to do it: s starts it again"),
        ("step", Order.FINISH, "only a promoted candidate becomes the baseline"),
        ("promoted", Order.PROMOTE, "it is promoted already"),
        ("none", Order.START, ""),
        ("rolled back", Order.START, ""),
        ("dead", Order.REVIVE, ""),
        ("step", Order.PROMOTE, ""),
        ("hold", Order.RESUME, ""),
        ("promoted", Order.FINISH, ""),
    ],
)
def test_what_makes_no_sense_is_not_asked(name: str, order: Order, words: str) -> None:
    said = needless(folded(name), order)
    assert said.startswith(words)
    assert bool(said) == bool(words)


@pytest.mark.parametrize(
    ("name", "order", "asked", "consequence"),
    [
        ("none", Order.START, "start a rollout of what v2 serves?", "by rollout/rollout.yaml"),
        ("dead", Order.REVIVE, "start the engine again?", "the gateway has kept 25 %"),
        ("step", Order.PROMOTE, "go on to 50 % now?", "skips its gate: 164 of 200 users of v2"),
        ("shadow", Order.PROMOTE, "go on to 5 % now?", "skips its gate: 121 of 200 requests"),
        ("step", Order.ABORT, "abort the rollout?", "25 % of the users go back to v1 at once"),
        ("shadow", Order.ABORT, "abort the rollout?", "no user is v2's"),
        ("promoted", Order.FINISH, "make v2 the baseline?", "v1-1, v1-2, v1-3 restart one by"),
    ],
)
def test_the_consequence_is_said(name: str, order: Order, asked: str, consequence: str) -> None:
    found = question(folded(name), order)
    assert found is not None
    assert found.text == asked
    assert found.consequence.startswith(consequence)


def test_a_gate_that_is_open_is_said() -> None:
    found = folded("step")
    found.apply(RolloutState(AT, replace(STEP, seen=replace(SEEN, users_v2=200)), alive=True))
    asked = question(found, Order.PROMOTE)
    assert asked is not None
    assert asked.consequence.startswith("its gate is open anyway")


@pytest.mark.parametrize("order", [Order.PAUSE, Order.RESUME])
def test_what_moves_no_user_is_not_asked(order: Order) -> None:
    assert question(folded("step"), order) is None


def test_every_order_but_those_that_begin_is_a_command_of_the_engine() -> None:
    commands = {order.value for order in Order if not order.begins}
    assert commands == {command.value for command in Command} - {Command.PROMOTE_FULL.value}


def entry(**changes: object) -> Entry:
    """A person's abort at 25 %."""
    ended = replace(STATE, phase=Phase.ROLLED_BACK, weight=0, began=AT, since=AT, changed=AT)
    decision = Decision(Action.ROLL_BACK, ended, "aborted by a person", "abort")
    # As an engine stores it: with the evidence that the counts come to.
    seen = replace(
        SEEN,
        failed=replace(SEEN.failed, log_e=0.0, run=()),
        slow=replace(SEEN.slow, run=None),
        split=replace(SEEN.split, v1=0, v2=0, log_e=0.0),
    )
    found = Entry(9, AT, "ada", Command.ABORT, STATE, decision, seen, FACTS, STEP.plan)
    return replace(found, **changes)  # type: ignore[arg-type]


def explained(found: Entry) -> list[str]:
    lines = explanation_lines(explain(found), VIEW)
    return [" ".join(plain(line).split()) for line in lines]


def test_a_decision_in_full_has_what_it_was_taken_on() -> None:
    said = explained(entry())
    assert any(
        line.startswith("state step, 25 % of") and "rolled back, 0 %" in line for line in said
    )
    assert "asked for abort" in said
    assert any("v1 2 of 2,440 attempts, v2 1 of 812" in line for line in said)
    assert any(line.startswith("candidate 5f2c0de9a1b3, ready, 1 restart at") for line in said)
    assert any(line.startswith("again") and "the same decision" in line for line in said)
    assert any("evidence taken as stored: slow, hard stop" in line for line in said)


def test_a_decision_that_would_be_another_one_now_says_so() -> None:
    said = explained(entry(command=Command.PAUSE))
    assert any("it differs" in line for line in said)
    assert any("action: hold, stored is roll back" in line for line in said)


def test_what_the_engine_said_of_it_is_there_at_once() -> None:
    lines = [" ".join(plain(line).split()) for line in in_short(DECISIONS[-1], VIEW)]
    assert lines[0].startswith("#7 5 % → 25 %")
    assert lines[0].endswith("by engine")
    assert lines[1].startswith("why 61 users of v2 in 11 m 40 s")


def test_every_story_is_of_another_phase_or_engine() -> None:
    states = {None if status is None else status.state for status in STATUSES.values()}
    assert len(states) == len(STATUSES) - 1  # the dead one is at the step, too


def test_decisions_are_rows_the_newest_first() -> None:
    shown = rollout(folded("hold"), VIEW, AT, None, "")
    assert [seq for seq in shown.seqs if seq is not None] == [9, 7, 5, 3, 1]
    assert shown.cursor == shown.seqs.index(9)
    assert plain(shown.lines[shown.cursor]).split()[1:5] == ["HOLD", "at", "25", "%"]
    older = rollout(folded("hold"), View(80, 22, ASCII), AT, 1, "")
    assert older.cursor == older.seqs.index(1)
    assert plain(older.lines[older.cursor]).endswith("#1")
