"""What a run over the corpus has found so far: one line a question, each with its numbers."""

from __future__ import annotations

from collections import Counter

from dashboard.headline import rule
from dashboard.lines import Cell, Line, Tone, fit, right, safe, width
from dashboard.numbers import count, share
from dashboard.trials.ab import AbRun, watched_p
from dashboard.view import View
from probes.ab_judge import Judgements, ratio_words
from probes.ab_report import Run
from probes.ab_tally import Disagreement, Tally
from probes.labelling import Labelling
from probes.verdict import Judgement, Verdict
from rollout.evidence import (
    Direction,
    SignTest,
    agreement,
    cohen_kappa,
    exp,
    mcnemar_exact,
)

LABEL = 17
_BAR = 20
_MATRIX_ROWS = 5


def run_lines(run: AbRun, result: Run, running: bool, view: View) -> list[Line]:
    """The part about the corpus; `running` if more will come."""
    judgements = run.judgements(result.stopped)
    tally = run.tally
    lines = [_title(run, result, view), _routed(tally, judgements)]
    if judgements.answers.verdict is not Verdict.PASSED and tally.pairs:
        lines.append(_row("answers", [Cell(safe(judgements.answers.reason), Tone.BAD)]))
    lines += _agreement(tally, view)
    lines += _quality(tally, running, view)
    lines.append(_slower(tally, judgements.latency, view))
    lines.append(_noise(tally, judgements.noise, view))
    if run.labelling is not None:
        lines.append(_labelled(run.labelling, tally, view))
    return lines


def disagreement_lines(run: AbRun, view: View, rows: int) -> list[Line]:
    """The latest texts that were answered differently, in at most `rows` lines."""
    tally = run.tally
    found = tally.disagreements
    if rows < 2 or not found:
        return []
    if run.labelling is not None and not run.labelling.is_over:
        # They say which version answered what.
        return [rule("the disagreements are hidden until they are labelled", view)]
    title = f"{count(len(found))} disagreements, the latest first"
    lines = [rule(title, view)]
    return lines + [_disagreement(each, tally, view) for each in reversed(found[-(rows - 1) :])]


def _title(run: AbRun, result: Run, view: View) -> Line:
    begun, tally = run.begun, run.tally
    title = f"{safe(begun.source, 40)}, {count(begun.corpus)} rows, random order"
    if view.wide:
        title = f"run over {title} (seed {begun.seed})"
    done = f"{count(tally.pairs)} of {count(tally.planned)} pairs, {result.seconds:.0f} s"
    if result.interrupted:
        done += ", stopped"
    return rule(title, view, done)


def _row(title: str, cells: list[Cell]) -> Line:
    return (Cell(fit(f" {title}", LABEL), Tone.STRONG), *cells)


def _routed(tally: Tally, judgements: Judgements) -> Line:
    cells: list[Cell] = []
    judged = judgements.routing.verdict
    tone = Tone.GOOD if judged is Verdict.PASSED else Tone.BAD
    for version, routing in zip(tally.versions, tally.routing, strict=True):
        said = f"{count(routing.by_instance)} of {count(routing.answers)}"
        cells += [Cell(f"{safe(version, 20)} ", Tone.MUTED), Cell(f"{said}   ", tone)]
    bodies = sum(routing.bodies for routing in tally.routing)
    wrong = bodies - sum(routing.by_body for routing in tally.routing)
    how = "by X-Instance"
    if wrong:
        cells.append(Cell(f"{count(wrong)} by the version in the body NOT   ", Tone.BAD))
    elif bodies:
        how += " and version"
    if judged is Verdict.NOT_MEASURED:
        return _row("routed right", [Cell(safe(judgements.routing.reason), Tone.MUTED)])
    return _row("routed right", [*cells, Cell(how, Tone.MUTED)])


def _agreement(tally: Tally, view: View) -> list[Line]:
    """The share of equal answers; beside it the matrix of the most frequent ones."""
    matrix = tally.versus.matrix
    if not matrix:
        return [_row("same answer", [Cell("not measured", Tone.MUTED)])]
    same, kappa = agreement(matrix), cohen_kappa(matrix)
    left = [
        [Cell(_percent(same.estimate), Tone.STRONG)],
        [Cell(f"{_percent(same.low)} to {_percent(same.high)}", Tone.MUTED)],
        [Cell("" if kappa is None else f"kappa {kappa:.3f}", Tone.MUTED)],
    ]
    table = _matrix(matrix, tally.versions, view)
    lines = []
    for place in range(max(len(left), len(table))):
        cells = left[place] if place < len(left) else []
        used = sum(len(cell.text) for cell in cells)
        gap = Cell(" " * max(1, 19 - used))
        row = table[place] if place < len(table) else []
        lines.append(_row("same answer" if place == 0 else "", [*cells, gap, *row]))
    return lines


def _matrix(
    matrix: Counter[tuple[str, str]], versions: tuple[str, ...], view: View
) -> list[list[Cell]]:
    totals: Counter[str] = Counter()
    for answers, number in matrix.items():
        for answer in answers:
            totals[answer] += number
    # Few of them: by name, so that they stand still. Many: the most frequent.
    names = [name for name, _ in totals.most_common()]
    size = min(12, max(8, *(width(safe(name, 12)) for name in names[:8]))) + 1
    room = (view.columns - LABEL - 19 - size) // size
    kept = sorted(names[: max(1, min(room, _MATRIX_ROWS))])
    corner = f"{safe(versions[0], 6)}\\{safe(versions[1], 6)}"
    head = [Cell(fit(corner, size), Tone.MUTED)]
    more = view.glyphs.more
    for name in kept:
        shown = safe(name, 40)
        shown = fit(shown, size - 1, more) if width(shown) >= size else shown
        head.append(Cell(right(shown, size), Tone.MUTED))
    rows = [head]
    for first in kept:
        row = [Cell(fit(safe(first, 40), size - 1, more) + " ", Tone.MUTED)]
        for second in kept:
            number = matrix[first, second]
            tone = Tone.NORMAL if first == second else Tone.WARN if number else Tone.MUTED
            row.append(Cell(right(count(number), size), tone))
        rows.append(row)
    left = len(names) - len(kept)
    if left:
        rows.append([Cell(f"and {count(left)} other answers", Tone.MUTED)])
    return rows


def _quality(tally: Tally, running: bool, view: View) -> list[Line]:
    quality, (first, second) = tally.quality, tally.versions
    title, test = f"{safe(second, 5)} more right?", tally.quality.test
    if not quality.labelled:
        words = "not measured: the corpus has no labels" if tally.compared else "not measured"
        return [_row(title, [Cell(words, Tone.WARN)])]
    cells = evidence(test, (first, second), view)
    if not running:
        exact = mcnemar_exact(test.wins, test.losses)
        cells.append(Cell(f"  p {watched_p(test):.2g}, exact {exact:.2g}", Tone.MUTED))
    right_of = [
        Cell(f"{safe(version, 8)} ", Tone.MUTED)
        if part == 0
        else Cell(f"{share(quality.both + alone, quality.labelled)}   ")
        for version, alone in ((first, test.losses), (second, test.wins))
        for part in (0, 1)
    ]
    alone = f"alone {safe(first, 8)} {count(test.losses)}, {safe(second, 8)} {count(test.wins)}"
    rest = f"   both {count(quality.both)}, neither {count(quality.neither)}" if view.wide else ""
    said = f"{alone}{rest}   of {count(quality.labelled)} labels"
    return [_row("right", [*right_of, Cell(said, Tone.MUTED)]), _row(title, cells)]


def evidence(test: SignTest, versions: tuple[str, str], view: View) -> list[Cell]:
    """How far a test is on its way to a decision, and for whom it has decided."""
    # The bar grows with the logarithm: each observation then moves it by about as much.
    done = 1.0 if test.decision else max(0.0, test.log_e) / test.log_threshold
    cells = [
        Cell(view.glyphs.bar(done, _BAR if view.wide else _BAR // 2), Tone.ACCENT),
        Cell(f" e {_e(test.log_e)} of {_e(test.log_threshold)}"),
    ]
    if test.decision is None:
        return [*cells, Cell("  undecided", Tone.MUTED)]
    wins = test.decision is Direction.WINS
    who = safe(versions[1 if wins else 0], 20)
    said = f"  {'yes' if wins else f'no, {who} is'}, decided after {count(test.decided_after or 0)}"
    return [*cells, Cell(said, Tone.GOOD if wins else Tone.BAD)]


def _labelled(labelling: Labelling, tally: Tally, view: View) -> Line:
    """What a person said; nothing about versions while there are questions left."""
    (first, second), test = tally.versions, labelling.test
    if not labelling.is_over:
        return _row("labelled", [Cell(f"{labelling.blind.reason}: l goes on", Tone.ACCENT)])
    said = f"  {safe(first, 8)} {count(test.losses)}, {safe(second, 8)} {count(test.wins)}"
    said += f" of {count(labelling.labels)} labels"
    return _row("labelled", [*evidence(test, (first, second), view), Cell(said, Tone.MUTED)])


def _slower(tally: Tally, judged: Judgement, view: View) -> Line:
    title = f"slower by {100 * tally.margin:.0f} %?"
    if not tally.versus.log_ratios:
        return _row(title, [Cell("not measured", Tone.MUTED)])
    word = {Verdict.PASSED: "no", Verdict.FAILED: "YES"}.get(judged.verdict, "undecided")
    test = tally.versus.slower
    said = f"   {ratio_words(tally.versus)}"
    if view.wide:
        said += f", in {share(test.wins, test.observations)} of the pairs slower by that"
    return _row(title, [Cell(word, _tone(judged)), Cell(said)])


def _noise(tally: Tally, judged: Judgement, view: View) -> Line:
    if not tally.noise.log_ratios:
        return _row("A/A noise floor", [Cell("not measured", Tone.MUTED)])
    same = agreement(tally.noise.matrix)
    first = safe(tally.versions[0], 20)
    who = f"{first} against itself: " if view.wide else ""
    said = f"{who}{ratio_words(tally.noise)}, same answer {_percent(same.estimate)}"
    tone = Tone.WARN if judged.verdict is Verdict.FAILED else Tone.NORMAL
    return _row("A/A noise floor", [Cell(said, tone)])


def _disagreement(each: Disagreement, tally: Tally, view: View) -> Line:
    first, second = (safe(version, 8) for version in tally.versions)
    more = view.glyphs.more
    cells = [
        Cell(f"  {first} ", Tone.MUTED),
        Cell(fit(safe(each.first, 40), 10, more)),
        Cell(f" {second} ", Tone.MUTED),
        Cell(fit(safe(each.second, 40), 10, more)),
    ]
    if tally.quality.labelled:
        who = "unlabelled" if each.label is None else "neither"
        if each.label in (each.first, each.second):
            who = first if each.label == each.first else second
        tone = {first: Tone.WARN, second: Tone.GOOD}.get(who, Tone.MUTED)
        cells.append(Cell(fit(f" right {who}", 15), tone))
    return (*cells, Cell(f" {safe(each.text, 300)}"))


def _tone(judged: Judgement) -> Tone:
    tones = {Verdict.PASSED: Tone.GOOD, Verdict.FAILED: Tone.BAD, Verdict.ERROR: Tone.BAD}
    return tones.get(judged.verdict, Tone.ACCENT)


def _percent(part: float) -> str:
    return f"{100 * part:.1f} %"


def _e(logarithm: float) -> str:
    value = exp(logarithm)
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 1000 else f"{value:.1e}"
