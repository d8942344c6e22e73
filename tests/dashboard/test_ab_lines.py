"""What the A/B screen says about a run, read as a person reads it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dashboard.glyphs import ASCII
from dashboard.labelling_lines import labelling_lines
from dashboard.lines import plain
from dashboard.trials.ab import AbRun, Labelled, LabellingBegun
from dashboard.trials.base import Step
from dashboard.view import View
from probes.ab_judge import judge
from probes.labelling import Choice
from tests.dashboard.ab_reading import EVIL, NARROW, WIDE, read, row
from tests.dashboard.ab_story import corpus_steps, events, folded, number, sentence
from tests.dashboard.stories import START


def matrix_row(text: str, answer: str) -> list[str]:
    found = re.search(rf" {answer} +(\d+) +(\d+)$", text, re.MULTILINE)
    assert found, text
    return list(found.groups())


@pytest.mark.parametrize("view", [NARROW, WIDE])
def test_before_anything_was_asked(view: View) -> None:
    text = read(view=view)
    assert text.startswith(" NOT MEASURED")
    assert "t asks 1,000 rows" in text
    assert "/ types one" in text
    text = read(view=view, may_ask=False)
    assert "t asks" not in text
    assert "/ types" not in text


@pytest.mark.parametrize("view", [NARROW, WIDE])
def test_a_run(view: View) -> None:
    steps = corpus_steps(200)
    text = read(*events(START, *steps), view=view)
    run = folded(*steps).run
    assert run is not None
    assert text.startswith(" PASSED  v2 is more often right (of 200 labels")
    assert "200 of 200 pairs, 1 s" in text
    assert "v1 400 of 400   v2 200 of 200   by X-Instance and version" in row(text, "routed right")
    unequal = len(run.tally.disagreements)
    assert f"{100 - unequal / 2:.1f} %" in row(text, "same answer")
    cells = [int(part) for answer in ("bad", "good") for part in matrix_row(text, answer)]
    assert sum(cells) == 200
    assert cells[1] + cells[2] == unequal
    test = run.tally.quality.test
    assert f"alone v1 {test.losses}, v2 {test.wins}" in row(text, "right")
    assert f"yes, decided after {test.decided_after}" in row(text, "v2 more right?")
    assert "no   median ratio" in row(text, "slower by 20 %?")
    assert "same answer 100.0 %" in row(text, "A/A noise floor")
    assert "e exports" in text
    if view is WIDE:
        assert f"{unequal} disagreements, the latest first" in text
        latest = run.tally.disagreements[-1]
        assert text.index(latest.text) < text.index(run.tally.disagreements[-2].text)


def test_while_it_runs() -> None:
    steps = corpus_steps(200)[:101]
    text = read(*events(START, *steps, ended=False), now=START + 2)
    assert "so far: " in text
    assert "100 of 200 pairs, about 2 s left; . stops" in text
    assert "exact" not in row(text, "v2 more right?")
    few = read(*events(START, *corpus_steps(200)[:11], ended=False), now=START + 2)
    assert "more that v2 alone gets right would decide" in few
    unlabelled = read(*events(START, *corpus_steps(200, labelled=False)[:11], ended=False))
    assert "would decide" not in unlabelled


def test_the_number_that_would_decide_does() -> None:
    steps = corpus_steps(200)[:11]
    state = folded(*steps)
    text = read(*events(START, *steps, ended=False))
    (more,) = [
        int(part.split()[0]) for part in text.splitlines()[1].split("; ") if "more that" in part
    ]
    assert state.run is not None
    test = state.run.tally.quality.test
    for _ in range(more - 1):
        test = test.observe(True)
    assert test.decision is None
    assert test.observe(True).decision is not None


def test_without_labels_quality_is_not_measured() -> None:
    text = read(*events(START, *corpus_steps(labelled=False)))
    assert text.startswith(" NOT MEASURED  no labels")
    assert "the corpus has no labels" in row(text, "v2 more right?")
    assert "l labels the" in text


def test_a_run_that_broke_off_says_why_and_keeps_the_pairs() -> None:
    steps = corpus_steps()[:30]
    text = read(*events(START, *steps, problem="the disk is full"))
    assert text.startswith(" ERROR  the disk is full")
    assert "29 of 60 pairs" in text
    # What came later is told below: it is not about the run.
    text = read(*events(START, *corpus_steps(), problem="no answer; is it running?"))
    assert text.startswith(" PASSED")
    assert "no answer; is it running?" in row(text, "problem")


def test_a_run_that_never_began_says_why() -> None:
    text = read(*events(START, problem="var/data/held-out.csv: does not exist"))
    assert text.startswith(" ERROR  var/data/held-out.csv: does not exist")


def test_answers_that_failed_and_wrong_routes_are_named() -> None:
    def bad(version: str, text: str, fields: dict[str, Any]) -> None:
        if version == "v2" and number(text) % 9 == 0:
            fields |= {"status": 503, "instance": "", "body": None}
        if version == "v2" and number(text) == 7:
            fields["instance"] = "v1-1"
            fields["body"]["version"] = "v1"

    text = read(*events(START, *corpus_steps(change=bad)))
    assert text.startswith(" FAILED")
    assert "7 x 503" in row(text, "answers")
    assert "v2 52 of 53" in row(text, "routed right")
    assert "1 by the version in the body NOT" in row(text, "routed right")


@pytest.mark.parametrize("view", [NARROW, WIDE, View(120, 38, ASCII)])
def test_any_number_of_answers_and_any_text_fits(view: View) -> None:
    def numbers(version: str, text: str, fields: dict[str, Any]) -> None:
        fields["body"]["prediction"] = [EVIL, number(text), version] if version == "v2" else EVIL

    steps = corpus_steps(change=numbers)
    text = read(*events(START, sentence(EVIL + "个" * 300 + " 3"), *steps), view=view)
    assert "other answers" in text
    if view.glyphs is ASCII:
        assert text.replace("● live", "").replace("个", "").isascii()


def test_a_person_who_labels_is_told_no_version() -> None:
    said = [Labelled(Choice.NEITHER)] * 3
    steps: list[Step] = [*corpus_steps(labelled=False), LabellingBegun(5), *said]
    text = read(*events(START, *steps))
    assert "not decided: 3 labels so far" in row(text, "labelled")
    assert "hidden until they are labelled" in text
    run = folded(*steps).run
    assert run is not None
    assert run.labelling is not None
    question = run.labelling.question
    assert question is not None
    assert question.text not in text
    lines = "\n".join(map(plain, labelling_lines(run.labelling, ("v1", "v2"), NARROW)))
    assert question.text in lines
    assert f"   1   {question.first}" in lines
    assert f"   2   {question.second}" in lines
    assert "v1" not in lines
    assert "v2" not in lines


def labelled_to_the_end(choose: Choice | None) -> AbRun:
    """By somebody who knows (None), or always says the same."""
    state = folded(*corpus_steps(labelled=False), LabellingBegun(5))
    run = state.run
    assert run is not None
    assert run.labelling is not None
    while (question := run.labelling.question) is not None:
        right = question.text.split()[0]
        known = Choice.FIRST if question.first == right else Choice.SECOND
        state.apply(Labelled(choose or known))
    return run


def test_the_end_of_labelling_names_the_better_version() -> None:
    run = labelled_to_the_end(None)
    labelling = run.labelling
    assert labelling is not None
    text = "\n".join(map(plain, labelling_lines(labelling, ("v1", "v2"), NARROW)))
    assert text.startswith(" PASSED")
    assert f"v2 is more often right after {labelling.labels} labels" in text
    assert "v2 more right?" in text
    assert "McNemar's exact p" in text
    assert judge(run.tally, "", labelling).overall.verdict.value == "passed"
    nobody = labelled_to_the_end(Choice.NEITHER).labelling
    assert nobody is not None
    text = "\n".join(map(plain, labelling_lines(nobody, ("v1", "v2"), NARROW)))
    assert text.startswith(" INCONCLUSIVE")
    assert "no questions left" in text
