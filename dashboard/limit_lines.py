"""What the Rate limit screen says: the limit, what a plan should come to, what it came to."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.glyphs import Glyphs
from dashboard.headline import LABEL, causes, headline, labelled
from dashboard.limit_plan import command, count_words, foresee, rate_words, words
from dashboard.lines import Cell, Line, Tone, clip, fit, safe
from dashboard.model import Model
from dashboard.numbers import age, duration
from dashboard.trials.base import Trial, TrialName
from dashboard.trials.ratelimit import LimitRead, RateLimitState, Sending, Volley
from dashboard.view import View
from probes.limit_files import RateLimit
from probes.ratelimit import Plan, Shot
from probes.verdict import Verdict

_WORDS = {
    Verdict.PASSED: Cell("PASSED", Tone.GOOD),
    Verdict.FAILED: Cell("FAILED", Tone.BAD),
    Verdict.INCONCLUSIVE: Cell("UNCLEAR", Tone.WARN),
    Verdict.ERROR: Cell("ERROR", Tone.BAD),
    Verdict.NOT_MEASURED: Cell("NOT MEASURED", Tone.WARN),
}
_GROUP = 10
"""Characters of a strip between two blanks, so that a person can count them."""


def trial_of(model: Model) -> tuple[Trial | None, RateLimitState]:
    """The last run, and what it has shown; an empty state before the first."""
    return model.trial(TrialName.RATE_LIMIT, RateLimitState)


def recovering_s(model: Model, now: float) -> float:
    """Seconds until the address of the last volley has its whole allowance again, at most."""
    trial, state = trial_of(model)
    if trial is None or trial.ended is None or not state.shots:
        return 0.0
    return max(0.0, state.recovery_s() - (now - trial.ended))


def rate_limit(
    model: Model, view: View, now: float, plan: Plan | None, right_side: str
) -> tuple[Line, ...]:
    """The whole screen but its header and footer; `plan` is what would be sent next."""
    trial, state = trial_of(model)
    word, text = _outcome(trial, state, plan)
    lines = [*headline(word, text, view, right_side), ()]
    if trial is not None and "\n" in trial.problem:
        lines += [*causes(trial.problem.splitlines(), view, view.rows - len(lines) - 1), ()]
    if state.read is None or state.read.limit is None:
        return tuple(lines[: view.rows])
    limit = state.read.limit
    lines += _limit(state.read, limit, view)
    if plan is not None:
        lines += _plan(plan, limit, view)
    lines.append(())
    if trial is not None and state.sending is not None and not (trial.problem and not state.shots):
        lines += [*_volley(trial, state, state.sending, view, now), ()]
    if plan is not None:
        lines += labelled("command", command(state.read.request, plan), view, Tone.ACCENT)
    if state.before:
        lines += [(), *_before(state.before, now)]
    return tuple(clip(line, view.columns, view.glyphs.more) for line in lines[: view.rows])


def strip(shots: Sequence[Shot], requests: int, limit: RateLimit, view: View) -> list[Line]:
    """One character for each request in the order of sending, in as many lines as it takes."""
    by_number = {shot.number: shot for shot in shots}
    marks = [_mark(by_number.get(number), limit, view.glyphs) for number in range(requests)]
    groups = max(1, (view.columns - LABEL) // (_GROUP + 1))
    lines: list[Line] = []
    for first in range(0, requests, groups * _GROUP):
        cells = []
        for begin in range(first, min(requests, first + groups * _GROUP), _GROUP):
            cells += [*_joined(marks[begin : begin + _GROUP]), Cell(" ")]
        lines.append((Cell(" " * LABEL), *cells))
    return lines


def _mark(shot: Shot | None, limit: RateLimit, glyphs: Glyphs) -> Cell:
    if shot is None:
        return Cell(glyphs.starting, Tone.MUTED)
    if shot.status == 200:
        return Cell(glyphs.ready, Tone.GOOD)
    if shot.status == limit.status:
        return Cell(glyphs.down, Tone.WARN)
    return Cell("?" if shot.status is None else "!", Tone.BAD)


def _joined(cells: Sequence[Cell]) -> list[Cell]:
    """Neighbours with the same meaning as one cell."""
    found: list[Cell] = []
    for cell in cells:
        if found and found[-1].tone is cell.tone:
            found[-1] = Cell(found[-1].text + cell.text, cell.tone)
        else:
            found.append(cell)
    return found


def _outcome(trial: Trial | None, state: RateLimitState, plan: Plan | None) -> tuple[Cell, str]:
    """What is to be said first."""
    if trial is not None and trial.problem:
        text = "the gateway cannot be reached" if "\n" in trial.problem else trial.problem
        return _WORDS[Verdict.ERROR], text
    if trial is None or state.read is None:
        return Cell("NOT READ", Tone.MUTED), "what the nginx files say is not known yet"
    if state.read.problem:
        return _WORDS[Verdict.ERROR], state.read.problem
    if state.read.limit is None:
        nothing = f"no limit_req for {state.read.target} in the nginx files"
        return _WORDS[Verdict.NOT_MEASURED], nothing
    if state.sending is None or state.limit is None:
        return Cell("NOT SENT", Tone.MUTED), _promise(plan, state.read.limit)
    return _volley_outcome(trial, state, state.sending)


def _promise(plan: Plan | None, limit: RateLimit) -> str:
    if plan is None:
        return ""
    foreseen = foresee(plan, limit)
    return f"of {words(plan)}, {_range(foreseen.least, foreseen.most)} should pass"


def _volley_outcome(trial: Trial, state: RateLimitState, sending: Sending) -> tuple[Cell, str]:
    requests, answered = sending.plan.requests, len(state.shots)
    passed = sum(shot.status == 200 for shot in state.shots)
    if trial.running:
        if not answered:
            return Cell("SENDING", Tone.ACCENT), f"{words(sending.plan)}: connecting"
        return Cell("SENDING", Tone.ACCENT), f"{answered} of {requests} answered, {passed} passed"
    if trial.stopped and not state.complete:
        text = f"after {answered} of {requests} answers, {passed} passed: this decides nothing"
        return Cell("STOPPED", Tone.WARN), text
    judgement = state.judgement()
    if judgement is None:
        return _WORDS[Verdict.ERROR], "there was no answer at all"
    return _WORDS[judgement.verdict], judgement.reason


def _limit(read: LimitRead, limit: RateLimit, view: View) -> list[Line]:
    reserve = "held back to that rate" if limit.delayed else "answered at once"
    text = (
        f"{limit.rate:g} a second for each address, {limit.burst} more in reserve, {reserve}; "
        f"beyond that {limit.status}"
    )
    place = f"{safe(read.target, 60)}   {safe(str(limit.place), 200)}"
    return [*labelled("limit", text, view), (Cell(" " * LABEL), Cell(place, Tone.MUTED))]


def _plan(plan: Plan, limit: RateLimit, view: View) -> list[Line]:
    foreseen = foresee(plan, limit)
    refused = plan.requests - foreseen.most
    cells = [
        Cell(fit(" plan", LABEL), Tone.STRONG),
        Cell(count_words(plan), Tone.ACCENT),
        Cell("  "),
        Cell(rate_words(plan), Tone.ACCENT),
        Cell("   expected ", Tone.MUTED),
        Cell(f"{_range(foreseen.least, foreseen.most)} pass"),
    ]
    if refused > 0:
        about = "" if foreseen.least == foreseen.most else "about "
        cells.append(Cell(f", {about}{refused} get {limit.status}"))
    if view.wide:
        cells.append(Cell("   up, down: number   left, right: rate", Tone.MUTED))
    return [tuple(cells), *strip(foreseen.shots, plan.requests, limit, view)]


def _range(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} to {most}"


def _volley(
    trial: Trial, state: RateLimitState, sending: Sending, view: View, now: float
) -> list[Line]:
    limit, plan = state.limit, sending.plan
    if limit is None:
        return []
    since = "now" if trial.ended is None else f"{age(max(0.0, now - trial.ended))} ago"
    source = safe(sending.source, 60) or "this machine's address"
    title = f"{words(plan)} from {source}, {since}"
    lines: list[Line] = [
        (Cell(fit(" sent", LABEL), Tone.STRONG), Cell(title)),
        *strip(state.shots, plan.requests, limit, view),
        _counts(state.shots, plan, limit, view),
        _compared(state, plan, limit, view),
    ]
    if trial.ended is not None and state.shots:
        left = max(0.0, state.recovery_s() - (now - trial.ended))
        text = f"{source} has its whole allowance again"
        text += f" in {left:.1f} s" if left else ""
        tone = Tone.WARN if left else Tone.MUTED
        lines.append((Cell(fit(" recovery", LABEL), Tone.STRONG), Cell(text, tone)))
    return lines


def _counts(shots: Sequence[Shot], plan: Plan, limit: RateLimit, view: View) -> Line:
    passed = sum(shot.status == 200 for shot in shots)
    refused = sum(shot.status == limit.status for shot in shots)
    lost = sum(shot.status is None for shot in shots)
    glyphs = view.glyphs
    other = len(shots) - passed - refused - lost
    parts = [
        (glyphs.ready, "passed", passed, Tone.GOOD),
        (glyphs.down, f"refused {limit.status}", refused, Tone.WARN),
        (glyphs.starting, "to come", plan.requests - len(shots), Tone.MUTED),
        ("!", "other", other, Tone.BAD),
        ("?", "no answer", lost, Tone.BAD),
    ]
    cells = [Cell(" " * LABEL)]
    for glyph, name, number, tone in parts:
        if tone is Tone.BAD and not number and not view.wide:
            continue
        cells += [
            Cell(f"{glyph} ", tone if number else Tone.MUTED),
            Cell(f"{name} ", Tone.MUTED),
            Cell(f"{number}", Tone.STRONG if number else Tone.MUTED),
            Cell("  "),
        ]
    return tuple(cells)


def _compared(state: RateLimitState, plan: Plan, limit: RateLimit, view: View) -> Line:
    """Expected against observed, and how long it took."""
    foreseen, judgement = foresee(plan, limit), state.judgement()
    least, most, of = foreseen.least, foreseen.most, plan.requests
    # Answers to a burst come in any order, so a part of them promises nothing.
    if judgement is not None and (state.complete or plan.rate is not None):
        # By the times at which they were sent indeed, as far as it has gone.
        least, most = judgement.expected
        of = len(state.shots)
    passed = sum(shot.status == 200 for shot in state.shots)
    cells = [
        Cell(fit(" compared", LABEL), Tone.STRONG),
        Cell("expected ", Tone.MUTED),
        Cell(f"{_range(least, most)} of {of}"),
        Cell("  observed ", Tone.MUTED),
        Cell(f"{passed} of {len(state.shots)}", Tone.STRONG),
    ]
    if state.shots:
        sent = _seconds(max(shot.sent for shot in state.shots))
        answered = _seconds(max(shot.answered for shot in state.shots))
        if view.wide:
            cells += [Cell("  sent in ", Tone.MUTED), Cell(sent)]
        cells += [Cell("  answered in ", Tone.MUTED), Cell(answered)]
    return tuple(cells)


def _before(volleys: Sequence[Volley], now: float) -> list[Line]:
    """The volleys before, a line each."""
    lines: list[Line] = []
    for number, volley in enumerate(volleys):
        word = _WORDS[volley.verdict]
        lines.append(
            (
                Cell(fit("" if number else " before", LABEL), Tone.STRONG),
                Cell(f"{words(volley.plan):<29}"),
                Cell(f"{volley.passed:>3} passed, expected {_range(*volley.expected):<11}"),
                Cell(f"{word.text:<8}", word.tone),
                Cell(f"{age(max(0.0, now - volley.at))} ago", Tone.MUTED),
            )
        )
    return lines


def _seconds(value: float) -> str:
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.1f} s" if value < 60 else duration(value)
