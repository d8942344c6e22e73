"""The decisions of a rollout as rows with a cursor. Pure."""

from __future__ import annotations

from typing import NamedTuple

from dashboard.lines import Cell, Line, Tone, fit, safe
from dashboard.numbers import clock
from dashboard.view import View
from rollout.state import Action
from rollout.status import Decided

_WHAT = 15
_ACTOR = 9
_TONES = {
    Action.ROLL_BACK: Tone.BAD,
    Action.HOLD: Tone.WARN,
    Action.FINISH: Tone.GOOD,
}


class Rows(NamedTuple):
    """Some of the decisions, the newest first."""

    lines: list[Line]
    seqs: tuple[int, ...]
    cursor: int | None
    """The row of the chosen one."""


def chosen_decision(decisions: tuple[Decided, ...], seq: int | None) -> Decided | None:
    """The one that a person chose, else the newest; None where there is none."""
    found = next((each for each in decisions if each.seq == seq), None)
    return found or (decisions[-1] if decisions else None)


def decision_rows(
    decisions: tuple[Decided, ...], view: View, room: int, chosen: int | None
) -> Rows:
    """As many as fit in `room` lines, the chosen one among them."""
    newest_first = decisions[::-1]
    marked = chosen_decision(decisions, chosen)
    if marked is None or room < 1:
        return Rows([], (), None)
    index = newest_first.index(marked)
    first = max(0, min(index - room // 2, len(newest_first) - room))
    page = newest_first[first : first + room]
    lines = [decision_row(each, view) for each in page]
    return Rows(lines, tuple(each.seq for each in page), index - first)


def decision_row(decided: Decided, view: View) -> Line:
    """When, what, who, why."""
    more = view.glyphs.more
    number = f"#{decided.seq}"
    left = 11 + _WHAT + _ACTOR
    room = view.columns - left - len(number) - 3
    return (
        Cell(f" {clock(decided.time, fraction=False)}  ", Tone.MUTED),
        Cell(
            fit(what(decided, view.glyphs.arrow), _WHAT - 1, more) + " ",
            _TONES.get(decided.action, Tone.STRONG),
        ),
        Cell(fit(safe(decided.actor, 40), _ACTOR - 1, more) + " "),
        Cell(fit(safe(decided.reason, 400), room, more)),
        Cell(f"  {number}", Tone.MUTED),
    )


def what(decided: Decided, arrow: str) -> str:
    """What it did, in a few words."""
    before, after = decided.weight_before, decided.weight_after
    match decided.action:
        case Action.ADVANCE if before == after:
            return decided.phase_after.value
        case Action.ADVANCE | Action.ROLL_BACK:
            return f"{before} % {arrow} {after} %"
        case Action.HOLD:
            return f"HOLD at {after} %"
    return decided.action.value
