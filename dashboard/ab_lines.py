"""What the A/B screen says: the verdict first, then one sentence, then a run over the corpus."""

from __future__ import annotations

from dashboard.ab_answer_lines import label, sentence_lines
from dashboard.ab_run_lines import disagreement_lines, run_lines
from dashboard.headline import headline, labelled
from dashboard.lines import Cell, Line, Tone, clip, safe
from dashboard.model import Model
from dashboard.numbers import count, duration
from dashboard.trials.ab import AbRun, AbState
from dashboard.trials.base import Trial, TrialName
from dashboard.view import View
from probes.ab_tally import Tally
from probes.verdict import Judgement, Verdict
from rollout.evidence import log_e_sign

TONES = {
    Verdict.PASSED: Tone.GOOD,
    Verdict.FAILED: Tone.BAD,
    Verdict.INCONCLUSIVE: Tone.ACCENT,
    Verdict.ERROR: Tone.BAD,
    Verdict.NOT_MEASURED: Tone.WARN,
}
_SENTENCE_ROWS = 7
_SPACIOUS = 30
"""Rows from which on empty lines separate the parts."""


def ab_of(model: Model) -> tuple[Trial | None, AbState]:
    """The last trial and what it has shown; an empty state before the first."""
    return model.trial(TrialName.AB, AbState)


def is_running(trial: Trial | None, run: AbRun | None) -> bool:
    """Whether more pairs of the corpus will come."""
    return trial is not None and trial.running and run is not None and run.finished is None


def ab_lines(
    model: Model, view: View, now: float, right_side: str, pairs: int | None, may_ask: bool
) -> list[Line]:
    """The whole screen but its header and footer.

    `pairs` is what the next run will ask (None: the whole corpus); `may_ask` whether there
    can be one.
    """
    trial, state = ab_of(model)
    run, more = state.run, view.glyphs.more
    spacious = view.rows >= _SPACIOUS
    gap: list[Line] = [()] if spacious else []
    lines = [*_verdict(trial, state, view, now, right_side, pairs, may_ask), *gap]
    if state.sentence is not None:
        rows = _SENTENCE_ROWS + (4 if spacious else 0)
        lines += sentence_lines(state.sentence, model.version_of, view, rows)
    else:
        words = "none yet" + (": / types one and asks both versions" if may_ask else "")
        lines.append((label("sentence"), Cell(words, Tone.MUTED)))
    lines += gap
    if run is not None:
        seconds = now - trial.begun if trial is not None else 0.0
        running = is_running(trial, run)
        lines += run_lines(run, run.result(seconds, _problem(trial, run)), running, view)
        room = view.rows - len(lines) - len(gap)
        lines += [*gap, *disagreement_lines(run, view, room)]
    return [clip(line, view.columns, more) for line in lines[: view.rows]]


def _verdict(
    trial: Trial | None,
    state: AbState,
    view: View,
    now: float,
    right_side: str,
    pairs: int | None,
    may_ask: bool,
) -> list[Line]:
    run = state.run
    running = is_running(trial, run)
    problem = "" if trial is None or trial.running else trial.problem
    if run is not None:
        found = run.judgements(_problem(trial, run)).overall
    elif problem:
        found = Judgement(Verdict.ERROR, problem)
    else:
        found = Judgement(Verdict.NOT_MEASURED, "nothing was asked yet")
    text = f"so far: {found.reason}" if running else found.reason
    word = Cell(found.verdict.value.upper(), TONES[found.verdict])
    lines = headline(word, text, view, right_side)
    # A run that broke off says why in the first line; what to do is told here.
    if rest := problem.removeprefix(found.reason).lstrip("; "):
        lines += labelled("problem", rest, view, Tone.BAD)
    hint = _hint(trial, run, running, view, now, pairs, may_ask)
    return [*lines, (Cell(f" {hint}", Tone.MUTED),)] if hint else lines


def _problem(trial: Trial | None, run: AbRun) -> str:
    """Why a run that told no end came to one."""
    if trial is None or trial.running or run.finished is not None:
        return ""
    return trial.problem


def _hint(
    trial: Trial | None,
    run: AbRun | None,
    running: bool,
    view: View,
    now: float,
    pairs: int | None,
    may_ask: bool,
) -> str:
    """What can be done now."""
    ask = f"t asks {count(pairs)} rows" if pairs else "t asks every row"
    ask += " of the corpus (m more, n fewer)" if view.wide else " (m more, n fewer)"
    if run is None:
        if trial is not None and trial.running:
            return "asking"
        return ask if may_ask else ""
    tally = run.tally
    if running and trial is not None:
        words = f"{count(tally.pairs)} of {count(tally.planned)} pairs"
        if tally.pairs:
            left = (now - trial.begun) / tally.pairs * (tally.planned - tally.pairs)
            words += f", about {duration(left)} left"
        return f"{words}; . stops{_missing(tally)}"
    ways = [ask] if may_ask else []
    if tally.disagreements and (run.labelling is None or not run.labelling.is_over):
        ways.append(f"l labels the {count(len(tally.disagreements))} disagreements")
    return "; ".join([*ways, "e exports"])


def _missing(tally: Tally) -> str:
    """How far the labels are from a decision for the second version, if that is in reach."""
    test = tally.quality.test
    if test.decision is not None or not tally.quality.labelled:
        return ""
    for more in range(1, tally.planned - tally.pairs + 1):
        if log_e_sign(test.wins + more, test.losses, test.prior) >= test.log_threshold:
            second = safe(tally.versions[1], 20)
            return f"; {count(more)} more that {second} alone gets right would decide"
    return ""
