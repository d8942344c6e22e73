"""What a person labelled, in the judgement and in the reports of a run."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import jsonschema

from probes.ab_report import Run, document, lines, markdown
from probes.labelling import Choice, Labelling
from probes.verdict import Verdict
from tests.probes.ab_standin import ROOT, measured

SCHEMA = json.loads((ROOT / "probes/ab.schema.json").read_text())


def v1_wrong(version: str, text: str, fields: dict[str, Any]) -> None:
    if version == "v1" and int(text.split()[-1]) % 3 == 0:
        fields["body"]["prediction"] = "ugly"


def labelled(corpus_has_labels: bool = False) -> tuple[Run, Labelling]:
    run = measured(v1_wrong, labelled=corpus_has_labels)
    labelling = Labelling(run.tally.disagreements, run.tally.versions, seed=1)
    return dataclasses.replace(run, labelling=labelling), labelling


def finish(labelling: Labelling) -> None:
    while (question := labelling.question) is not None:
        labelling.answer(Choice.SECOND if question.first == "ugly" else Choice.FIRST)


def checked(run: Run) -> Any:
    read = json.loads(json.dumps(document(run), allow_nan=False))
    jsonschema.validate(read, SCHEMA)
    return read["labelling"]


def test_where_the_corpus_has_no_labels_those_of_a_person_count() -> None:
    run, labelling = labelled()
    assert run.judgements.quality.verdict is Verdict.NOT_MEASURED  # nothing was said yet
    labelling.answer(Choice.NEITHER)
    assert "not decided: 1 labels so far" in run.judgements.overall.reason
    assert "v2" not in run.judgements.quality.reason
    finish(labelling)
    quality = run.judgements.quality
    assert quality.verdict is run.judgements.overall.verdict
    assert quality.verdict is Verdict.PASSED
    assert "v2 is more often right after" in run.judgements.overall.reason


def test_labels_of_the_corpus_go_before_those_of_a_person() -> None:
    run, labelling = labelled(corpus_has_labels=True)
    alone = dataclasses.replace(run, labelling=None)
    labelling.answer(Choice.NEITHER)
    assert run.judgements == alone.judgements


def test_the_reports_are_blind_until_the_end() -> None:
    assert checked(measured()) is None
    run, labelling = labelled()
    labelling.answer(Choice.SKIP)
    labelling.answer(Choice.FIRST)
    found = checked(run)
    assert (found["labels"], found["skipped"], found["questions_left"]) == (1, 1, 65)
    assert found["test"] is found["mcnemar_p"] is None
    assert "v2" not in found["reason"]
    assert "Inconclusive: not decided" in markdown(run)
    finish(labelling)
    found = checked(run)
    assert found["outcome"] == "passed"
    assert found["test"]["decision"] == "wins"
    assert "Passed: v2 is more often right" in markdown(run)
    assert "v2 is more often right" in lines(run)[-1]
