"""What the Rollout screen says: where it is, what would stop it, what lets it go on. Pure."""

from __future__ import annotations

from typing import NamedTuple

from dashboard.events import RolloutState, SourceName, SourceState
from dashboard.headline import headline, labelled
from dashboard.lines import Cell, Line, Tone, clip, width
from dashboard.model import Model
from dashboard.rollout_decisions import decision_rows
from dashboard.rollout_heads import fix, head, why
from dashboard.rollout_place import Mark, stages
from dashboard.rollout_tables import AIRY, gate_table, guard_table, quality_line
from dashboard.rollout_words import is_under_way
from dashboard.view import View
from rollout import outlook
from rollout.state import Phase, State
from rollout.status import Status

POLICY = "rollout/rollout.yaml"
COMMAND = "python -m dashboard rollout start --policy FILE"
_BEFORE = (
    (
        "about",
        "v2 gets copies of requests, then more and more of the users. After each step it must have "
        "answered enough of them for long enough; if its requests fail, or are slow, more often "
        "than v1's, everybody is taken back to v1 within seconds. A process of its own does it: "
        "this screen may be closed.",
    ),
    ("policy", f"{POLICY}: its steps, gates and guardrails, commented"),
    ("another", COMMAND),
)


class Picture(NamedTuple):
    """The lines of the screen."""

    lines: tuple[Line, ...]
    seqs: tuple[int | None, ...]
    """For each line the decision that it is the row of, None for all others."""
    cursor: int | None
    """The line of the chosen decision."""


def rollout(
    model: Model, view: View, now: float, chosen: int | None, right_side: str, may_act: bool = True
) -> Picture:
    """The whole screen but its header and footer.

    `chosen` is the number of the decision that a person chose; `may_act` says whether the keys
    that change something are there.
    """
    known = model.rollout
    lines = _unreadable(model, view)
    if known is None or known.status is None or known.status.state is None:
        lines = [*_nothing(model, view, right_side, may_act), *lines]
        return _picture(lines, [], None, view)
    word, text = head(model, known, now, view.glyphs.arrow)
    gap: list[Line] = [()] if view.rows >= AIRY else []
    lines = [
        *headline(word, text, view, right_side),
        *lines,
        _way(known.status, view),
        *gap,
        *_now(known, known.status.state, view, now, may_act, gap),
        *gap,
    ]
    rows = decision_rows(known.status.decisions, view, view.rows - len(lines), chosen)
    return _picture(lines, rows.lines, rows.cursor, view, rows.seqs)


def _picture(
    lines: list[Line],
    rows: list[Line],
    cursor: int | None,
    view: View,
    seqs: tuple[int, ...] = (),
) -> Picture:
    every = [clip(line, view.columns, view.glyphs.more) for line in [*lines, *rows][: view.rows]]
    named = ([None] * len(lines) + [*seqs])[: len(every)]
    marked = None if cursor is None else len(lines) + cursor
    return Picture(tuple(every), tuple(named), marked)


def _unreadable(model: Model, view: View) -> list[Line]:
    said = model.statuses.get(SourceName.ROLLOUT)
    if said is None or said.state is not SourceState.FAILING:
        return []
    return labelled("status", said.detail, view, Tone.BAD)


def _nothing(model: Model, view: View, right_side: str, may_act: bool) -> list[Line]:
    if model.rollout is None:
        text = "nobody has said anything about a rollout"
        return headline(Cell("UNKNOWN", Tone.MUTED), text, view, right_side)
    text = "no rollout was ever started here"
    lines = headline(Cell("NOT STARTED", Tone.MUTED), text, view, right_side)
    for label, said in _BEFORE:
        lines += [(), *labelled(label, said, view)]
    how = "s starts one, as the policy says" if may_act else "not from here: nothing may be changed"
    return [*lines, (), *labelled("start", how, view, Tone.ACCENT)]


def _way(status: Status, view: View) -> Line:
    """BASELINE, the steps and the end, each with its mark."""
    glyphs = view.glyphs
    marks = {
        Mark.DONE: (f" {glyphs.done}", Tone.GOOD),
        Mark.HERE: (f" {glyphs.ready}", Tone.ACCENT),
        Mark.HELD: (f" {glyphs.frozen}", Tone.WARN),
        Mark.FELL: (f" {glyphs.down}", Tone.BAD),
        Mark.AHEAD: ("", Tone.MUTED),
    }
    found = stages(status)
    taken = sum(width(stage.name + marks[stage.mark][0]) for stage in found)
    # Shorter lines between them where there is no room for long ones.
    stroke = glyphs.rule * (2 if taken + 4 * len(found) <= view.columns else 1)
    cells = [Cell(" ")]
    for number, stage in enumerate(found):
        if number:
            cells.append(Cell(f" {stroke} ", Tone.MUTED))
        sign, tone = marks[stage.mark]
        name = Tone.MUTED if stage.mark is Mark.AHEAD else Tone.STRONG
        cells += [Cell(stage.name, name), Cell(sign, tone)]
    return tuple(cells)


def _now(
    known: RolloutState, state: State, view: View, now: float, may_act: bool, gap: list[Line]
) -> list[Line]:
    """All that stands between the way and the decisions."""
    status = known.status
    if status is None:
        return []
    lines: list[Line] = []
    for label, text, tone in (*why(known, now), *fix(known, now, may_act)):
        lines += labelled(label, text, view, tone)
    if not is_under_way(known):
        return lines
    if lines:
        lines += gap
    if state.weight > 0:
        lines += [*guard_table(status, view), *gap]
    if state.phase is Phase.HOLD and view.rows < AIRY:
        # What is missing stands above.
        lines.append(quality_line(known.quality, now, view))
    elif state.place is not Phase.PROMOTED:
        lines += [*gate_table(status, state, known.quality, now, view), *gap]
    lines += labelled("sees", outlook.sees(status.plan, state, status.seen, status.time), view)
    coming = "nothing: no engine runs"
    if known.alive:
        coming = outlook.coming(status.plan, state, status.facts, status.seen, status.time)
    return [*lines, *labelled("NEXT", coming, view, Tone.ACCENT)]
