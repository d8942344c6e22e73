"""What the Checks screen says: every check with its last result, and all of the chosen one."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from dashboard.headline import causes, headline, labelled
from dashboard.lines import Cell, Line, Tone, clip, fit, right, safe
from dashboard.model import Model
from dashboard.numbers import age, clock, duration
from dashboard.trials.base import Trial, TrialName
from dashboard.trials.checks import ChecksState, Outcome, Promise
from dashboard.view import View
from probes.checks.report import GOOD, SIGNS
from probes.verdict import Judgement, Verdict, worst

_TONES = {
    Verdict.PASSED: Tone.GOOD,
    Verdict.FAILED: Tone.BAD,
    Verdict.ERROR: Tone.BAD,
    Verdict.INCONCLUSIVE: Tone.WARN,
    Verdict.NOT_MEASURED: Tone.MUTED,
}
_SIGN, _TITLE, _SECONDS, _AGE = 8, 32, 8, 9
_DETAIL = 6
"""Lines that the chosen check is to have at least."""
_FEWEST_ROWS = 3


class Picture(NamedTuple):
    """The lines of the screen."""

    lines: tuple[Line, ...]
    ids: tuple[str | None, ...]
    """For each line the check that it is the row of, None for all others."""
    cursor: int | None
    """The line of the chosen check."""


def trial_of(model: Model) -> tuple[Trial | None, ChecksState]:
    """The last run, and what it has shown; an empty state before the first."""
    return model.trial(TrialName.CHECKS, ChecksState)


def rows(state: ChecksState) -> tuple[Promise, ...]:
    """Every check, in the order of the list."""
    # A recording may be of a version with other checks.
    known = {promise.id for promise in state.promises}
    others = [Promise(o.id, o.id, o.command) for o in state.outcomes.values() if o.id not in known]
    return (*state.promises, *others)


def chosen_row(state: ChecksState, wanted: str | None) -> Promise | None:
    """The check that a person chose; else the first that is not well, else the first."""
    found = rows(state)
    chosen = next((row for row in found if row.id == wanted), None)
    if chosen is not None:
        return chosen
    bad = (row for row in found if row.id in state.outcomes and _is_bad(state.outcomes[row.id]))
    return next(bad, found[0] if found else None)


def checks(
    model: Model,
    view: View,
    now: float,
    wanted: str | None,
    right_side: str,
    may_run: bool = True,
) -> Picture:
    """The whole screen but its header and footer.

    `wanted` is the id that a person chose; `may_run` says whether the keys that run are there.
    """
    trial, state = trial_of(model)
    word, text = _summary(trial, state, now, may_run)
    head: list[Line] = [*headline(word, text, view, right_side), _ages(state, now)]
    if state.down:
        again: Line = (Cell("  t tries again" if may_run else "", Tone.MUTED),)
        lines = [*head, *causes(state.down, view, view.rows - len(head) - 2), (), again]
        return Picture(tuple(lines), (None,) * len(lines), None)
    found, chosen = rows(state), chosen_row(state, wanted)
    if chosen is None:
        return Picture(tuple(head), (None,) * len(head), None)
    room = max(_FEWEST_ROWS, view.rows - len(head) - _DETAIL)
    index = found.index(chosen)
    first = max(0, min(index - room // 2, len(found) - room))
    page = found[first : first + room]
    lines = head + [_row(row, trial, state, view, now) for row in page]
    lines += [(), *_detail(chosen, state, view, now)]
    lines = [clip(line, view.columns, view.glyphs.more) for line in lines[: view.rows]]
    ids: list[str | None] = [None] * len(lines)
    ids[len(head) : len(head) + len(page)] = [row.id for row in page]
    return Picture(tuple(lines), tuple(ids), len(head) + index - first)


def _is_bad(outcome: Outcome) -> bool:
    return outcome.verdict not in GOOD


def _summary(
    trial: Trial | None, state: ChecksState, now: float, may_run: bool
) -> tuple[Cell, str]:
    """What is to be said first."""
    if state.problem:
        return Cell("ERROR", Tone.BAD), state.problem
    if trial is not None and trial.problem:
        return Cell("ERROR", Tone.BAD), trial.problem
    if trial is not None and trial.running and state.present:
        number = len(state.done) + 1
        since = age(max(0.0, now - state.since))
        text = f"{number} of {len(state.wanted)}: {state.present}, for {since}"
        return Cell("RUNNING", Tone.ACCENT), text
    if state.down:
        return Cell("DOWN", Tone.BAD), "the stack cannot be asked, so nothing was checked"
    outcomes = list(state.outcomes.values())
    if not outcomes:
        return Cell("NOT RUN", Tone.MUTED), _not_run(state, may_run)
    said = worst(Judgement(outcome.verdict, "") for outcome in outcomes).verdict
    if all(not _is_bad(outcome) for outcome in outcomes):
        word = Cell("OK", Tone.GOOD)
    else:
        word = Cell(SIGNS[said], _TONES[said])
    text = _counts(outcomes)
    if missing := len(rows(state)) - len(outcomes):
        text += f", {missing} not run yet"
    if trial is not None and trial.stopped and state.present:
        text += f"; stopped after {len(state.done)} of {len(state.wanted)}"
    return word, text


def _ages(state: ChecksState, now: float) -> Line:
    """How old the results are."""
    if not state.outcomes:
        return ()
    times = [outcome.at for outcome in state.outcomes.values()]
    text = f" {'':<{_SIGN}}the latest {_age(max(times), now)} ago"
    if len(times) > 1:
        text += f", the oldest {_age(min(times), now)} ago"
    return (Cell(text, Tone.MUTED),)


def _not_run(state: ChecksState, may_run: bool) -> str:
    if not state.promises or not may_run:
        return "no check has been run"
    return f"t runs all {len(state.promises)} checks, enter one"


def _counts(outcomes: list[Outcome]) -> str:
    """As `check` says it."""
    numbers = Counter(outcome.verdict for outcome in outcomes)
    found = ", ".join(f"{numbers[v]} {v.value}" for v in Verdict if numbers[v])
    return f"{found} in {sum(outcome.seconds for outcome in outcomes):.1f} s"


def _age(at: float, now: float) -> str:
    return duration(max(0.0, now - at))


def _row(promise: Promise, trial: Trial | None, state: ChecksState, view: View, now: float) -> Line:
    outcome = state.outcomes.get(promise.id)
    running = trial is not None and trial.running
    seconds = "" if outcome is None else f"{outcome.seconds:.2f} s"
    evidence = Cell("not run yet", Tone.MUTED)
    if outcome is not None:
        sign = Cell(SIGNS[outcome.verdict], _TONES[outcome.verdict])
        evidence = Cell(safe(outcome.evidence, 300))
    else:
        sign = Cell("")
    if running and promise.id == state.present:
        sign = Cell("RUNS", Tone.ACCENT)
        seconds = f"{max(0.0, now - state.since):.1f} s"
        evidence = Cell(evidence.text if outcome else "", Tone.MUTED)
    elif running and promise.id in state.waiting:
        sign = Cell("waits", Tone.MUTED)
        evidence = Cell(evidence.text if outcome else "", Tone.MUTED)
    more = view.glyphs.more
    cells = [
        Cell(" " + fit(sign.text, _SIGN), sign.tone),
        Cell(fit(safe(promise.title, 60), _TITLE - 1, more) + " ", Tone.STRONG),
        Cell(right(seconds, _SECONDS - 2) + "  ", Tone.MUTED),
    ]
    if view.wide:
        old = "" if outcome is None else f"{_age(outcome.at, now)} ago"
        cells.append(Cell(right(old, _AGE) + "  ", Tone.MUTED))
    return (*cells, evidence)


def _detail(promise: Promise, state: ChecksState, view: View, now: float) -> list[Line]:
    """All that is known of one check."""
    outcome = state.outcomes.get(promise.id)
    command = promise.command if outcome is None else outcome.command
    cells = [Cell(f" {safe(promise.title, 60)}", Tone.STRONG)]
    lines: list[Line] = []
    if outcome is not None:
        when = f"   {clock(outcome.at, fraction=False)}, {_age(outcome.at, now)} ago"
        when += f", took {outcome.seconds:.2f} s"
        cells.append(Cell(when, Tone.MUTED))
        verdict = outcome.verdict.value
        tone = Tone.NORMAL if outcome.verdict in GOOD else _TONES[outcome.verdict]
        lines += labelled(
            verdict if len(verdict) < 10 else "evidence", outcome.evidence, view, tone
        )
    else:
        lines += labelled("evidence", "not run yet", view, Tone.MUTED)
    if command:
        lines += labelled("shows it", command, view, Tone.ACCENT)
    headless = f"python -m dashboard check --only {promise.id}"
    lines += labelled("headless", headless, view, Tone.MUTED)
    return [tuple(cells), *lines]
