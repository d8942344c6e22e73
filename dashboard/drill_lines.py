"""What the Processes screen says of the kill drill: how far it is, and what it came to."""

from __future__ import annotations

from dashboard.headline import labelled, rule
from dashboard.lines import Cell, Line, Tone, clip, fit, safe
from dashboard.model import Model
from dashboard.numbers import clock, count
from dashboard.tally import Tally
from dashboard.trials.base import Trial, TrialName
from dashboard.trials.drill import DrillState
from dashboard.view import View
from probes.drill_report import Report
from probes.drill_run import Phase
from probes.verdict import Verdict

_PHASES = {
    Phase.LOAD: "load",
    Phase.KILLED: "killed",
    Phase.READY_AGAIN: "ready again",
    Phase.SERVING_AGAIN: "answers again",
}
_WORDS = {Verdict.PASSED: ("PASSED", Tone.GOOD), Verdict.FAILED: ("FAILED", Tone.BAD)}
_UNDECIDED = ("UNDECIDED", Tone.WARN)
_FIGURE_ROWS = 10
"""So many rows, and each figure has a line with its meaning."""


def drill_lines(model: Model, view: View, now: float, victim: str | None, rows: int) -> list[Line]:
    """The drill in `rows` rows; `victim` is whom the next one would kill."""
    trial = model.trials.get(TrialName.DRILL)
    if trial is None or not isinstance(trial.state, DrillState):
        lines = [rule("kill drill", view), *_invitation(view, victim)]
    else:
        lines = [rule(_title(trial, trial.state), view), *_told(trial, trial.state, view, rows)]
        strips = _strips(model, trial, trial.state, view, now)
        if len(lines) + 1 + len(strips) <= rows:
            lines += [(), *strips]
    return [clip(line, view.columns, view.glyphs.more) for line in lines[: max(1, rows)]]


def _invitation(view: View, victim: str | None) -> list[Line]:
    whom = "an instance" if victim is None else safe(victim, 60)
    text = f"t kills {whom} (kill -9) under load, and counts what the clients lost"
    return labelled("not yet", text, view, Tone.MUTED)


def _title(trial: Trial, state: DrillState) -> str:
    at = f"kill drill, {clock(trial.begun, fraction=False)}"
    chosen = state.chosen
    if chosen is None:
        return at
    return f"{at}: {safe(chosen.victim, 60)} (pid {chosen.pid}) under {chosen.rate:g} requests/s"


def _told(trial: Trial, state: DrillState, view: View, rows: int) -> list[Line]:
    lines: list[Line] = []
    report = state.report
    if trial.problem:
        lines += labelled("NOT DONE", trial.problem, view, Tone.BAD)
    elif report is not None:
        lines += _verdict(report, view)
    elif not trial.running:
        lines += labelled("STOPPED", "it ended without a report", view, Tone.WARN)
    else:
        lines.append(_progress(state, view))
    if state.phases:
        lines.append(_phases(state, view, trial.running))
    if report is not None:
        # The title is a line, too.
        wanted = rows - len(lines) - 1
        lines += _figures(report, view) if wanted >= _FIGURE_ROWS - 2 else _in_short(report)
    return lines


def _verdict(report: Report, view: View) -> list[Line]:
    """The sentence that a person takes along."""
    word, tone = _WORDS.get(report.verdict, _UNDECIDED)
    if not report.killed:
        return labelled(word, report.reason, view, tone)
    back = report.ready_again_s
    if back is not None:
        end = f"back in {back:.1f} s"
    elif report.verdict is Verdict.FAILED:
        end = "it did not come back"
    else:
        end = "its return was not awaited"
    sentence = f"{count(report.lost)} of {count(report.sent)} requests lost; {end}"
    lines = labelled(word, sentence, view, tone)
    # What the sentence says already is not said twice.
    if report.verdict is not Verdict.PASSED:
        lines += labelled("because", report.reason, view)
    return lines


def _progress(state: DrillState, view: View) -> Line:
    label = Cell(fit(f" {view.glyphs.live} runs", 11), Tone.ACCENT)
    counted = state.counted
    if counted is None:
        return label, Cell("asking whether all are ready" if not state.phases else "load begun")
    wrong = Cell(f"{count(counted.wrong)} wrong", Tone.BAD if counted.wrong else Tone.GOOD)
    words = f"{counted.seconds:.1f} s  {count(counted.answered)} requests answered, "
    return label, Cell(words, Tone.STRONG), wrong, Cell("   . stops it", Tone.MUTED)


def _phases(state: DrillState, view: View, running: bool) -> Line:
    """Each phase with its second; those to come are shown without one."""
    cells = [Cell(fit(" phases", 11), Tone.STRONG)]
    for number, (phase, word) in enumerate(_PHASES.items()):
        if number:
            cells.append(Cell(f" {view.glyphs.arrow} ", Tone.MUTED))
        seconds = state.phases.get(phase)
        if seconds is None:
            cells.append(Cell(f"{word} {'...' if running else '-'}", Tone.MUTED))
        else:
            cells += [Cell(f"{word} "), Cell(f"{seconds:.1f} s", Tone.STRONG)]
    return tuple(cells)


def _strips(model: Model, trial: Trial, state: DrillState, view: View, now: float) -> list[Line]:
    """What each instance answered in each second: the victim's gap, and who filled it."""
    if not state.phases or not model.seconds or state.chosen is None:
        return []
    first = int(trial.begun)
    last = int(now if trial.ended is None else trial.ended)
    if min(model.seconds) > first:
        return []  # forgotten by now
    version = model.version_of(state.chosen.victim)
    names = [each.name for each in model.instances if each.version == version]
    most = max(10, view.columns - 40)
    seconds = range(first, last + 1)[:most]
    empty = Tally()
    found = {
        name: [model.seconds.get(second, empty).total(name) for second in seconds] for name in names
    }
    top = max((1, *(value for values in found.values() for value in values)))
    return [
        (
            Cell(fit(f" {safe(name, 60)}", 14, view.glyphs.more), Tone.STRONG),
            Cell(view.glyphs.spark(values, top), Tone.ACCENT),
            Cell("  requests in each second, all clients", Tone.MUTED),
        )
        for name, values in found.items()
    ]


def _rows(report: Report) -> list[tuple[str, str, str]]:
    answers = ", ".join(f"{count(n)} x {safe(code, 8)}" for code, n in report.statuses.items())
    return [
        ("answers", answers or "none", "what the clients got"),
        ("retries", count(report.retries), "nginx asked a second instance, the client saw nothing"),
        ("failover", _seconds(report.failover_s, 3), "from the kill to the first rescued request"),
        ("slowest", _seconds(report.slowest_s, 3), "the longest a client waited for such a one"),
        ("ready again", _seconds(report.ready_again_s, 2), "the new process passed its probe"),
        ("serving", _seconds(report.serving_again_s, 2), "nginx gave it a request again"),
    ]


def _figures(report: Report, view: View) -> list[Line]:
    return [
        (
            Cell(fit(f" {name}", 14), Tone.STRONG),
            Cell(fit(value, 22, view.glyphs.more)),
            Cell(meaning, Tone.MUTED),
        )
        for name, value, meaning in _rows(report)
    ]


def _in_short(report: Report) -> list[Line]:
    """The same in two lines."""
    rows = _rows(report)
    lines: list[Line] = []
    for part in (rows[:3], rows[3:]):
        cells = [Cell(" " * 10)]
        for name, value, _ in part:
            cells += [Cell(f" {name} ", Tone.MUTED), Cell(f"{value} ")]
        lines.append(tuple(cells))
    return lines


def _seconds(value: float | None, digits: int) -> str:
    return "not seen" if value is None else f"{value:.{digits}f} s"
