"""A value of the wrong type is refused where a file is read, not where it is used."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rollout.plan import Plan
from rollout.record import Entry, explain
from rollout.state import Decision, Facts, State
from rollout.status import Status
from rollout.typed import made
from tests.rollout.worlds import BROKEN, FACTS, PLAN, START, seen, state

STATE = state()
STATUS = Status(START, 1, START, STATE, seen(failed=BROKEN), FACTS, PLAN)


def changed(value: Any, path: str, to: Any) -> Any:
    """A copy of plain values with the one at `path` replaced."""
    copied = json.loads(json.dumps(value))
    *way, last = path.split(".")
    inside = copied
    for step in way:
        inside = inside[int(step) if isinstance(inside, list) else step]
    inside[int(last) if isinstance(inside, list) else last] = to
    return copied


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("time", "now"),
        ("pid", -1),
        ("pid", 1.5),
        ("problem", 5),
        ("state.weight", "25"),
        ("state.weight", True),
        ("state.began", None),
        ("state.phase", "elsewhere"),
        ("state.cause", 3),
        ("state", []),
        ("facts.healthy", 1),
        ("facts.digest", 7),
        ("facts", {"healthy": True, "digest": None, "other": 1}),
        ("seen.requests_v1", -1),
        ("seen.requests_v1", 0.5),
        ("seen.failed.reached", "yes"),
        ("seen.failed.run", [[True, 0]]),
        ("seen.failed.run", [[1, 0.5]]),
        ("seen.failed.run", [[True, 1.0]]),
        ("seen.failed.run", [[True]]),
        ("seen.split", {"v1": "1"}),
        ("seen.split", None),
        ("plan.steps", [{"weight": "100"}]),
        ("plan.steps", 5),
        ("plan.warm_up", True),
        ("plan.shadow.min_pairs", 0.5),
        ("plan.guardrails.max_restarts", 1.5),
        ("plan.guardrails.outage.seconds", "5"),
        ("decisions", ["x"]),
        ("decisions", [{}]),
    ],
)
def test_a_status_of_other_types_is_refused(path: str, to: object) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        Status.from_json(changed(STATUS.to_json(), path, to))


@pytest.mark.parametrize(
    ("path", "to"), [("actor", 5), ("reason", None), ("trigger", 1), ("seq", "1")]
)
def test_a_decision_of_other_types_is_refused(path: str, to: object) -> None:
    decision = Decision(explainable().decision.action, STATE, "because")
    entry = Entry(1, START, "anna", None, None, decision, seen(), FACTS, PLAN)
    assert Entry.from_json(json.loads(json.dumps(entry.to_json()))) == entry
    with pytest.raises((ValueError, TypeError)):
        Entry.from_json(changed(entry.to_json(), path, to))


def explainable() -> Entry:
    from rollout.decide import begin

    return Entry(1, START, "anna", None, None, begin(PLAN, FACTS, START), seen(0), FACTS, PLAN)


def test_a_decision_is_taken_again_from_what_was_read() -> None:
    entry = explainable()
    assert not explain(Entry.from_json(json.loads(json.dumps(entry.to_json())))).differences


def test_whole_numbers_do_for_others() -> None:
    plan = changed(PLAN.to_json(), "warm_up", 30)
    assert Plan.from_json(plan) == PLAN


def test_names_and_places_of_what_is_wrong() -> None:
    with pytest.raises(TypeError, match="'other' is not expected here"):
        made(Facts, {"healthy": True, "digest": None, "other": 1})
    with pytest.raises(TypeError, match="weight is str, not int"):
        State.from_json(changed(STATE.to_json(), "weight", "25"))
    with pytest.raises(TypeError, match="digest is int, not str or null"):
        made(Facts, {"healthy": True, "digest": 1})
    with pytest.raises(TypeError, match="list where an object is expected"):
        State.from_json([])  # type: ignore[arg-type]
