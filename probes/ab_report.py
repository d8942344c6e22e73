"""An A/B run as a JSON document (ab.schema.json), as Markdown and as lines of a terminal. Pure."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from gateway.visible import visible
from probes.ab_judge import Judgements, judge, ratio_words
from probes.ab_run import GROUPS, HEADER
from probes.ab_tally import Comparison, Quality, Tally
from probes.labelling import Labelling
from probes.verdict import Judgement
from rollout.evidence import (
    Interval,
    SignTest,
    agreement,
    cohen_kappa,
    mcnemar_exact,
    median_interval,
    wilson,
)

MAX_CELLS = 100
"""Cells of the matrix in a report; a workload that answers with numbers has one a pair."""
MAX_TEXTS = 100
MAX_TEXT = 200
"""Characters of a text in Markdown."""

_MARKDOWN = re.compile(r"([\\`*_\[\]<>|#~&@]|:(?=\S)|\.(?=[^\W\d]))")
"""What is more than itself, and what many readers make a link of: https://a.b, www.a.b, a@b.c."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run, over or stopped."""

    tally: Tally
    seed: int
    corpus: int
    """Rows there were to choose from."""
    seconds: float
    stopped: str = ""
    """Why it ended before its time; "" if it did not."""
    interrupted: bool = False
    """By a person. What was measured until then counts: the tests may be stopped at will."""
    labelling: Labelling | None = None
    """What a person said about the disagreements."""

    @property
    def judgements(self) -> Judgements:
        """What it has shown."""
        return judge(self.tally, self.stopped, self.labelling)


def document(run: Run) -> dict[str, Any]:
    """As in ab.schema.json."""
    tally, judgements = run.tally, run.judgements
    return {
        **_judged(judgements.overall),
        "judgements": {
            each.name: _judged(getattr(judgements, each.name)) for each in fields(judgements)
        },
        "seed": run.seed,
        "corpus": run.corpus,
        "pairs": {"planned": tally.planned, "asked": tally.pairs, "compared": tally.compared},
        "interrupted": run.interrupted,
        "seconds": round(run.seconds, 3),
        "versions": [_version(tally, place) for place in range(len(tally.versions))],
        "comparison": _comparison(tally.versus),
        "noise": _comparison(tally.noise),
        "margin": tally.margin,
        "quality": _quality(tally.quality) if tally.quality.labelled else None,
        "labelling": _labelling(run.labelling) if run.labelling else None,
        "disagreements": [
            {"text": each.text, "first": each.first, "second": each.second, "label": each.label}
            for each in tally.disagreements[:MAX_TEXTS]
        ],
        "disagreements_left_out": max(0, _unequal(tally.versus) - MAX_TEXTS),
    }


def lines(run: Run) -> list[str]:
    """For a terminal; nothing in it can steer one."""
    tally, judgements = run.tally, run.judgements
    first, second = tally.versions
    found = [visible(f"{first} against {second}: {_asked(run)}"), ""]
    for each in fields(judgements):
        judgement: Judgement = getattr(judgements, each.name)
        found.append(visible(f"{each.name:<9}{judgement.verdict.value:<14}{judgement.reason}"))
    if tally.compared:
        found += ["", f"agreement {_agreement(tally.versus)}"]
        for answers, count in tally.versus.matrix.most_common(MAX_CELLS):
            found.append(visible(f"{count:>9}  {first} {answers[0]}, {second} {answers[1]}"))
    overall = judgements.overall
    return [*found, "", visible(f"{overall.verdict.value.capitalize()}: {overall.reason}")]


def markdown(run: Run) -> str:
    """A report to keep or to send."""
    tally, judgements = run.tally, run.judgements
    first, second = (_escaped(version) for version in tally.versions)
    overall = judgements.overall
    found = [
        f"# A/B: {first} against {second}",
        "",
        f"**{overall.verdict.value.capitalize()}**: {_escaped(overall.reason)}",
        "",
        f"{_asked(run)}. `{HEADER}: {GROUPS[0]}` asked for {first}, `{GROUPS[1]}` for {second}.",
        "",
        "| question | verdict | reason |",
        "| --- | --- | --- |",
    ]
    for each in fields(judgements):
        judgement: Judgement = getattr(judgements, each.name)
        found.append(f"| {each.name} | {judgement.verdict.value} | {_escaped(judgement.reason)} |")
    if tally.compared:
        found += ["", "## Agreement", "", _agreement(tally.versus) + "."]
        found += ["", f"| {first} | {second} | pairs |", "| --- | --- | ---: |"]
        for answers, count in tally.versus.matrix.most_common(MAX_CELLS):
            found.append(f"| {_escaped(answers[0])} | {_escaped(answers[1])} | {count} |")
    if run.labelling is not None:
        said = run.labelling.blind
        found += ["", "## Labelled by a person", "", f"{said.verdict.value.capitalize()}: "]
        found[-1] += f"{_escaped(said.reason)}."
    if tally.disagreements:
        found += ["", "## Disagreements", ""]
        found += [f"| text | {first} | {second} | label |", "| --- | --- | --- | --- |"]
        for unequal in tally.disagreements[:MAX_TEXTS]:
            cells = (unequal.text[:MAX_TEXT], unequal.first, unequal.second, unequal.label or "")
            found.append("| " + " | ".join(_escaped(cell) for cell in cells) + " |")
        left = _unequal(tally.versus) - MAX_TEXTS
        found += ["", f"{left} more."] if left > 0 else []
    return "\n".join(found) + "\n"


def as_json(run: Run) -> str:
    """The document, readable; ASCII only."""
    return json.dumps(document(run), indent=2, allow_nan=False) + "\n"


def report(run: Run, path: Path) -> str:
    """What belongs into a file of that name: JSON into .json, else Markdown."""
    return as_json(run) if path.suffix.lower() == ".json" else markdown(run)


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", visible(text))


def _asked(run: Run) -> str:
    tally = run.tally
    said = f"{tally.pairs} pairs of {tally.planned} in {run.seconds:.1f} s, "
    said += f"from a corpus of {run.corpus}, seed {run.seed}"
    return said + (", interrupted" if run.interrupted else "")


def _agreement(comparison: Comparison) -> str:
    same, kappa = agreement(comparison.matrix), cohen_kappa(comparison.matrix)
    said = f"{100 * same.estimate:.1f} % ({100 * same.low:.1f} to {100 * same.high:.1f})"
    return said + (f", kappa {kappa:.3f}" if kappa is not None else "") + _timed(comparison)


def _timed(comparison: Comparison) -> str:
    return f", {ratio_words(comparison)}" if comparison.log_ratios else ""


def _unequal(comparison: Comparison) -> int:
    return sum(count for (first, second), count in comparison.matrix.items() if first != second)


def _judged(judgement: Judgement) -> dict[str, str]:
    return {"outcome": judgement.verdict.value, "reason": judgement.reason}


def _version(tally: Tally, place: int) -> dict[str, Any]:
    routing = tally.routing[place]
    return {
        "version": tally.versions[place],
        "header": f"{HEADER}: {GROUPS[place]}",
        "answers": routing.answers,
        "by_instance": routing.by_instance,
        "bodies": routing.bodies,
        "by_body": routing.by_body,
        "instances": dict(sorted(routing.instances.items())),
        "statuses": dict(sorted(tally.statuses[place].items())),
        "without_answer": tally.without_answer[place].total(),
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    matrix = comparison.matrix.most_common(MAX_CELLS)
    ratio = None
    if comparison.log_ratios:
        found = median_interval(comparison.log_ratios)
        ratio = _interval(Interval(*(math.exp(x) for x in (found.estimate, found.low, found.high))))
    return {
        "agreement": _interval(agreement(comparison.matrix)) if comparison.matrix else None,
        "kappa": cohen_kappa(comparison.matrix),
        "matrix": [{"first": a, "second": b, "count": count} for (a, b), count in matrix],
        "cells_left_out": len(comparison.matrix) - len(matrix),
        "ratio": ratio,
        "slower": _test(comparison.slower),
    }


def _quality(quality: Quality) -> dict[str, Any]:
    test = quality.test
    return {
        "labelled": quality.labelled,
        "both_right": quality.both,
        "neither_right": quality.neither,
        "only_first_right": test.losses,
        "only_second_right": test.wins,
        "accuracy": [
            _interval(wilson(quality.both + alone, quality.labelled))
            for alone in (test.losses, test.wins)
        ],
        "test": _test(test),
        "mcnemar_p": mcnemar_exact(test.wins, test.losses),
    }


def _labelling(labelling: Labelling) -> dict[str, Any]:
    test = labelling.test
    return {
        **_judged(labelling.blind),
        "labels": labelling.labels,
        "neither": labelling.neither,
        "skipped": labelling.skipped,
        "questions_left": labelling.remaining,
        # Whoever goes on with it must not be told who leads.
        "test": _test(test) if labelling.is_over else None,
        "mcnemar_p": mcnemar_exact(test.wins, test.losses) if labelling.is_over else None,
    }


def _test(test: SignTest) -> dict[str, Any]:
    return {
        "wins": test.wins,
        "losses": test.losses,
        "log_e": test.log_e,
        "log_e_peak": test.peak,
        "log_e_threshold": test.log_threshold,
        "p": test.p_value,
        "decision": test.decision.value if test.decision else None,
        "decided_after": test.decided_after,
    }


def _interval(found: Interval) -> dict[str, float | None]:
    values = {"estimate": found.estimate, "low": found.low, "high": found.high}
    # JSON has no infinity; exp(-inf) is 0, which means as little.
    finite = math.isfinite(found.high)
    return {name: value if finite or name == "estimate" else None for name, value in values.items()}
