"""What a person who labels is shown: a text, two answers, and no version before the end."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.ab_run_lines import evidence
from dashboard.headline import wrapped
from dashboard.lines import Cell, Line, Tone, clip, safe
from dashboard.numbers import count
from dashboard.trials.ab import watched_p
from dashboard.view import View
from probes.labelling import Labelling
from probes.verdict import Verdict
from rollout.evidence import mcnemar_exact

_MOST_TEXT = 8
"""Lines of one text."""


def labelling_lines(labelling: Labelling, versions: Sequence[str], view: View) -> list[Line]:
    """The present question, or what the test has decided."""
    question = labelling.question
    if question is None:
        lines = _over(labelling, (versions[0], versions[1]), view)
        return [clip(line, view.columns, view.glyphs.more) for line in lines]
    said = f"question {count(question.number)}, {count(labelling.remaining)} left at most"
    kept = f"{count(labelling.labels)} labelled, {count(labelling.skipped)} skipped"
    lines = [(Cell(f" {said}   ", Tone.STRONG), Cell(kept, Tone.MUTED)), ()]
    parts = wrapped(question.text, view.columns - 4)
    lines += [(Cell(f"   {part}"),) for part in parts[:_MOST_TEXT]]
    if len(parts) > _MOST_TEXT:
        lines.append((Cell(f"   {view.glyphs.more}", Tone.MUTED),))
    lines.append(())
    for key, answer in (("1", question.first), ("2", question.second)):
        shown = clip((Cell(safe(answer, 400), Tone.STRONG),), view.columns - 9, view.glyphs.more)
        lines.append((Cell(f"   {key}   ", Tone.ACCENT), *shown))
    lines += [
        (),
        (
            Cell(" Which is right? ", Tone.STRONG),
            Cell("1, 2, n neither, s if you cannot tell", Tone.MUTED),
        ),
        (Cell(" Sides are shuffled; which version said what comes at the end.", Tone.MUTED),),
    ]
    return [clip(line, view.columns, view.glyphs.more) for line in lines]


def _over(labelling: Labelling, versions: tuple[str, str], view: View) -> list[Line]:
    judged, test = labelling.judgement, labelling.test
    tone = {Verdict.PASSED: Tone.GOOD, Verdict.FAILED: Tone.BAD}.get(judged.verdict, Tone.ACCENT)
    lines: list[Line] = [(Cell(f" {judged.verdict.value.upper()}", tone),)]
    lines += [(Cell(f" {part}", Tone.STRONG),) for part in wrapped(judged.reason, view.columns - 2)]
    exact = mcnemar_exact(test.wins, test.losses)
    return [
        *lines,
        (),
        (Cell(f" {safe(versions[1], 20)} more right?  "), *evidence(test, versions, view)),
        (Cell(f" p {watched_p(test):.2g}, valid although it was watched", Tone.MUTED),),
        (Cell(f" McNemar's exact p, at the end {exact:.2g}", Tone.MUTED),),
        (),
        (Cell(" esc closes; e writes it into the report", Tone.MUTED),),
    ]
