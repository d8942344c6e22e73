"""The A/B test as steps: what a recording keeps counts as the whole does."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.events import TrialBegun, TrialStep
from dashboard.model import Model
from dashboard.record import to_json
from dashboard.trials.ab import (
    AbState,
    Asked,
    Finished,
    Labelled,
    LabellingBegun,
    Sentence,
    step_from_json,
)
from dashboard.trials.ab_pairs import counted_only
from dashboard.trials.base import Step, TrialName
from gateway.workload import Text
from probes.ab_client import Answer
from probes.ab_judge import judge
from probes.ab_report import document
from probes.ab_tally import Pair, Tally
from probes.labelling import Choice
from probes.verdict import Verdict
from tests.dashboard.ab_story import begun, corpus_steps, events, folded, pairs, sentence
from tests.probes.ab_standin import TOPOLOGY

_BODIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["prediction", "version", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
_ANSWERS = st.builds(
    Answer,
    st.sampled_from([200, 200, 200, 429, 503]),
    st.sampled_from(["v1-1", "v2-1", "", "\x1b[2J"]),
    _BODIES,
    st.floats(1e-9, 8.0),
    st.booleans(),
)
_PAIRS = st.builds(
    Pair,
    st.integers(0, 10_000),
    st.builds(Text, st.text(max_size=20), st.none() | st.text(max_size=5)),
    _ANSWERS,
    _ANSWERS,
    _ANSWERS,
)
POINTERS = st.sampled_from(["", "/prediction", "/prediction/0", "/x/prediction", "/version"])


def written(step: Step) -> Step:
    """As it comes back from a recording."""
    return step_from_json(json.loads(json.dumps(step.to_json())))


@given(_PAIRS)
def test_steps_come_back_as_they_were(pair: Pair) -> None:
    steps: tuple[Step, ...] = (
        Asked(pair),
        Sentence("/prediction", ("v1", "v2"), pair),
        begun(7),
        Finished(1.5, "gone", False),
        Finished(1.5, stopped=True),
        LabellingBegun(2**31),
        *map(Labelled, Choice),
    )
    for step in steps:
        assert written(step) == step


@given(st.lists(_PAIRS, max_size=4), POINTERS)
def test_what_a_recording_keeps_counts_as_the_whole(found: list[Pair], pointer: str) -> None:
    whole = Tally(pointer, TOPOLOGY.served, 4, 0.2)
    kept = Tally(pointer, TOPOLOGY.served, 4, 0.2)
    for pair in found:
        whole.add(pair)
        kept.add(counted_only(pair, pointer))
    for name in ("routing", "statuses", "without_answer", "quality", "disagreements"):
        assert getattr(kept, name) == getattr(whole, name), name
    assert kept.versus.matrix == whole.versus.matrix
    # Times are kept to the microsecond.
    assert len(kept.versus.log_ratios) == len(whole.versus.log_ratios)


def test_200_pairs_take_little_room() -> None:
    lengths = [
        len(json.dumps(to_json(TrialStep(1_732_341_600.123456, TrialName.AB, step))))
        for step in corpus_steps(200)
    ]
    # The texts of the demo have 103 characters in the mean, those of this test 12.
    assert sum(lengths) + 200 * 91 < 150_000


def test_a_run_counts_and_a_sentence_does_not() -> None:
    state = folded(*corpus_steps(), sentence())
    assert state.run is not None
    assert state.run.tally.pairs == 60
    assert state.run.judgements().overall.verdict is Verdict.PASSED
    assert state.sentence is not None
    assert state.sentence.pair.second.body["chances"]  # the body is whole


def test_a_sentence_leaves_the_run_and_a_run_the_sentence() -> None:
    model = Model()
    for event in (*events(0, sentence()), *events(1, *corpus_steps())):
        model.apply(event)
    model.apply(TrialBegun(3, TrialName.AB))
    state = model.trials[TrialName.AB].state
    assert isinstance(state, AbState)
    assert state.sentence is not None
    assert state.run is not None
    assert state.run.tally.pairs == 60
    assert model.trials[TrialName.AB].running
    state.apply(begun(10))
    assert state.run.tally.pairs == 0


def test_a_copy_stands_still() -> None:
    *first, last = corpus_steps()[:-1]
    state = folded(*first, LabellingBegun(1))
    frozen = copy.deepcopy(state)
    state.apply(last)
    state.apply(Labelled(Choice.NEITHER))
    assert frozen.run is not None
    assert frozen.run.labelling is not None
    assert (frozen.run.tally.pairs, frozen.run.labelling.asked) == (59, 0)


def test_judgements_are_made_anew_when_something_has_come() -> None:
    steps = corpus_steps(labelled=False)
    state = folded(*steps[:30])
    run = state.run
    assert run is not None
    before = run.judgements()
    assert run.judgements() is before
    state.apply(steps[30])
    assert run.judgements() is not before
    assert run.judgements() == judge(run.tally)
    assert run.judgements("gone").overall.verdict is Verdict.ERROR
    assert run.judgements().quality.verdict is Verdict.NOT_MEASURED
    state.apply(LabellingBegun(1))
    state.apply(Labelled(Choice.NEITHER))
    assert run.judgements().quality.verdict is Verdict.INCONCLUSIVE


def test_the_end_that_was_told_is_in_the_report() -> None:
    state = folded(*corpus_steps()[:-1])
    assert state.run is not None
    assert state.run.result(7.5, "gone").stopped == "gone"
    state.apply(Finished(3.0, stopped=True))
    found = document(state.run.result(99, "too late"))
    assert (found["seconds"], found["interrupted"], found["corpus"]) == (3.0, True, 6032)
    assert found["pairs"] == {"planned": 60, "asked": 60, "compared": 60}


def test_half_a_recording_is_passed_over() -> None:
    asked = Asked(pairs(1)[0])
    state = folded(asked, Finished(1), LabellingBegun(1), Labelled(Choice.FIRST))
    assert state.run is None
    # More than was planned, labels before and after the labelling.
    state = folded(begun(1), asked, asked, Labelled(Choice.FIRST), LabellingBegun(1))
    run = state.run
    assert run is not None
    assert run.tally.pairs == 1
    for _ in range(3):
        state.apply(Labelled(Choice.NEITHER))
    assert run.labelling is not None
    labelling = run.labelling
    state.apply(LabellingBegun(2))
    assert run.labelling is labelling


@pytest.mark.parametrize(
    ("step", "changes"),
    [
        (begun(), {"kind": "ended"}),
        (begun(), {"planned": 0}),
        (begun(), {"margin": float("nan")}),
        (begun(), {"served": [["v1-1", "v1"]]}),
        (Labelled(Choice.SKIP), {"choice": "3"}),
        (sentence(), {"versions": ["v1"]}),
        (sentence(), {"answers": [[200, "v1-1", 0.0, False, {}]] * 3}),
        (sentence(), {"answers": []}),
    ],
)
def test_what_is_no_step_is_refused(step: Step, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the reader of the recording adds the line
        step_from_json(step.to_json() | changes)
