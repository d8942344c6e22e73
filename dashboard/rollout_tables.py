"""The two tables of the Rollout screen: what would take v2 back, and what lets it go on. Pure."""

from __future__ import annotations

import math

from dashboard.events import LabelledAb
from dashboard.headline import labelled
from dashboard.lines import Cell, Line, Tone, fit, safe
from dashboard.numbers import count, duration
from dashboard.rollout_place import next_name
from dashboard.view import View
from rollout import words
from rollout.decide import next_of
from rollout.gate import Condition, conditions, overload
from rollout.outlook import Guard, guards
from rollout.state import Phase, State
from rollout.status import Status

_NAME = 27
_EVIDENCE = 14
_NOW = 35
_MARK = 4
AIRY = 30
"""From so many rows on there is room for what goes without saying."""
_NEAR = 0.5
"""A guardrail that is so far towards its threshold is worth a look."""
_CONDITIONS = {
    "users": "users seen at this step",
    "time": "time observed",
    "pairs": "answered by both versions",
    "agreement": "same answers (no quality)",
    "copies": "copies that failed",
    "health": "health",
    "load": "process load",
}
_COUNTED = frozenset({"users", "time", "pairs"})


def guard_table(status: Status, view: View) -> list[Line]:
    """Every guardrail: evidence, what was seen, and when it rolls back."""
    found = guards(status.plan, status.seen, status.facts.restarts)
    heads = [
        (" guardrail", _NAME),
        ("evidence, log scale", _bar(view) + _EVIDENCE),
        ("now", _now_columns(view)),
    ]
    if view.wide:
        heads.append((" rolls back when", 16))
        rows = [line for guard in found for line in _guard_lines(guard, view)]
    else:
        rows = [_guard(guard, view) for guard in found]
        nearest = max(found, key=lambda guard: guard.progress)
        if nearest.progress > 0:
            rows += labelled("nearest", f"{nearest.name}: rolls back at {nearest.when}", view)
    return [tuple(Cell(fit(text, columns), Tone.STRONG) for text, columns in heads), *rows]


def _bar(view: View) -> int:
    """How long a bar is."""
    return 8 if view.wide else 6


def _now_columns(view: View) -> int:
    return min(_NOW, max(0, view.columns - _NAME - _bar(view) - _EVIDENCE))


def _guard_lines(guard: Guard, view: View) -> list[Line]:
    """With when it rolls back, which goes on below where it does not fit."""
    room = view.columns - _NAME - _bar(view) - _EVIDENCE - _NOW - 2
    first, *rest = _cut(guard.when, room)
    indent = " " * (view.columns - room - 1)
    below: list[Line] = [(Cell(indent + part, Tone.MUTED),) for part in rest]
    return [(*_guard(guard, view), Cell(f" {first}", Tone.MUTED)), *below]


def _guard(guard: Guard, view: View) -> Line:
    more, length = view.glyphs.more, _bar(view)
    near = guard.progress >= _NEAR
    tone = Tone.BAD if guard.progress >= 1 else Tone.WARN if near else Tone.ACCENT
    # Something that is not nothing shows.
    shown = max(guard.progress, 1 / length) if guard.progress > 0 else 0.0
    return (
        Cell(fit(f" {guard.name}", _NAME, more)),
        Cell(view.glyphs.bar(min(shown, 1.0), length), tone),
        Cell(fit(f" {guard.evidence}", _EVIDENCE, more), tone if near else Tone.NORMAL),
        Cell(fit(guard.now, _now_columns(view), more), tone if near else Tone.NORMAL),
    )


def _cut(text: str, room: int) -> list[str]:
    """In lines of at most `room` characters, between words."""
    parts = [""]
    for word in text.split():
        longer = f"{parts[-1]} {word}".strip()
        if len(longer) <= room or not parts[-1]:
            parts[-1] = longer
        else:
            parts.append(word)
    return parts


def gate_table(
    status: Status, state: State, quality: LabelledAb | None, now: float, view: View
) -> list[Line]:
    """What must be so before it goes on. `now` is for the age of the report alone."""
    title = f"{next_name(status.plan, state)} when each of these is so"
    if (left := status.seen.warm_at - status.time) > 0:
        title += f"; warm-up, {words.duration(left)} to go"
    gate = conditions(status.plan, state, status.facts, status.seen, status.time)
    found = (*gate, *_capacity(status, state))
    lines: list[Line] = [(Cell(fit(" gate", _NAME), Tone.STRONG), Cell(title, Tone.MUTED))]
    # Below the other table there is little room.
    short = view.rows < AIRY and state.weight > 0
    plain: list[str] = []
    for condition in found:
        if short and condition.met and condition.name not in _COUNTED:
            plain.append(_CONDITIONS.get(condition.name, condition.name))
        else:
            lines.append(_condition(condition, view))
    if plain:
        lines.append((*_named(" and", True, view), Cell(", ".join(plain))))
    if 0 < state.weight < 100 and state.place is Phase.STEP:
        lines.append(_split(status, view))
    return [*lines, quality_line(quality, now, view)]


def _named(name: str, met: bool, view: View) -> Line:
    """Name and mark of a row of the gate."""
    mark = view.glyphs.done if met else ""
    return Cell(fit(name, _NAME, view.glyphs.more)), Cell(fit(mark, _MARK), Tone.GOOD)


def _condition(condition: Condition, view: View) -> Line:
    cells = _named(f" {_CONDITIONS.get(condition.name, condition.name)}", condition.met, view)
    if condition.name not in _COUNTED:
        return *cells, Cell(condition.text, Tone.NORMAL if condition.met else Tone.WARN)
    share = condition.have / condition.want if condition.want > 0 else 1.0
    bar = view.glyphs.bar(min(1.0, share), _bar(view))
    return *cells, Cell(bar, Tone.ACCENT), Cell(f" {condition.text}")


def _capacity(status: Status, state: State) -> tuple[Condition, ...]:
    """Whether the candidate can do the next step, where it was measured what it can do.

    None of the gate: who has passed that is held where this is not so.
    """
    facts, plan = status.facts, status.plan
    if facts.capacity is None:
        return ()
    _, weight, shadow = next_of(plan, state)
    percent = max(weight, shadow)
    wanted, most = status.seen.rate * percent / 100, facts.capacity * plan.capacity_share
    fits = overload(plan, facts, status.seen, percent) is None
    text = f"{percent} % would be {wanted:.1f} requests/s (at most {most:.1f})"
    return (Condition("capacity", wanted, most, fits, text),)


def _split(status: Status, view: View) -> Line:
    counts, threshold = status.seen.split, status.plan.split_threshold
    # The largest evidence decides; what it is now says whether it goes on.
    wrong = counts.peak >= math.log(threshold)
    total = counts.v1 + counts.v2
    return (
        *_named(" users split as configured", not wrong, view),
        Cell(
            f"{words.percent(counts.v2, total)} of {count(total)} users; "
            f"e = {words.plain(counts.log_e)}, holds at {count(round(threshold))}",
            Tone.BAD if wrong else Tone.NORMAL,
        ),
    )


def quality_line(report: LabelledAb | None, now: float, view: View) -> Line:
    """That nothing here measures quality, and what a labelled A/B test said of it."""
    where = "on live traffic" if view.wide else "live"
    cells = Cell(fit(" quality", _NAME)), Cell(f"not measured {where}", Tone.MUTED)
    if report is None:
        return *cells, Cell("; no labelled A/B yet: o", Tone.MUTED)
    old = duration(max(0.0, now - report.at))
    said = f"; last A/B {old} ago: {safe(report.outcome, 20)}"
    reason = f" ({safe(report.reason, 200)})" if view.wide else ""
    return *cells, Cell(said + reason)
