"""The kill drill step by step: folded, written, read back."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.jobs import drill as drill_job
from dashboard.jobs.drill import DrillJob
from dashboard.trials.drill import (
    Chosen,
    Counted,
    DrillState,
    DrillStep,
    Reached,
    Reported,
    step_from_json,
)
from gateway.topology import Instance
from probes.drill_report import Report
from probes.drill_run import Phase
from probes.drill_target import Refused, Target
from tests.dashboard.drill_story import REPORT, STEPS

seconds = st.floats(0, 1e6)
steps = st.one_of(
    st.builds(Chosen, st.text(), st.integers(0), seconds),
    st.builds(Reached, st.sampled_from(Phase), seconds),
    st.builds(Counted, seconds, st.integers(0), st.integers(0)),
    st.just(Reported(REPORT)),
)


@given(steps)
def test_every_step_reads_back(step: DrillStep) -> None:
    assert step_from_json(json.loads(json.dumps(step.to_json()))) == step


@pytest.mark.parametrize(
    "value",
    [
        {"kind": "else"},
        {},
        {"kind": "reached", "phase": "lunch", "seconds": 1},
        {"kind": "counted", "seconds": None, "answered": 1, "wrong": 1},
        {"kind": "reported", "report": {}},
    ],
)
def test_what_is_no_step_is_refused(value: dict[str, object]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        step_from_json(value)


def test_the_state_holds_what_was_seen() -> None:
    state = DrillState()
    for step in STEPS[:5]:
        state.apply(step)
    frozen = deepcopy(state)
    for step in STEPS[5:]:
        state.apply(step)
    assert frozen.report is None
    assert frozen.phases == {Phase.LOAD: 0.0, Phase.KILLED: 2.05}
    assert frozen.counted == Counted(3.6, 283, 0)
    assert state.chosen == Chosen("v1-2", 4282, 80.0)
    assert list(state.phases) == list(Phase)
    assert state.report == REPORT


Engine = Callable[..., Report]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Callable[[Engine], None]:
    """Puts another engine in the place of probes.drill_run.drill."""
    target = Target("v1-2", 4282, Instance("v1-2", "v1", 8102))
    monkeypatch.setattr(drill_job, "load_workspace", lambda *_: None)
    monkeypatch.setattr(drill_job, "usual_rate", lambda _: 80.0)
    monkeypatch.setattr(drill_job, "choose", lambda _, name: target)
    return lambda other: monkeypatch.setattr(drill_job, "drill", other)


def test_the_job_tells_what_the_engine_tells(engine: Callable[[Engine], None]) -> None:
    stop = threading.Event()

    def run(
        _workspace: object,
        target: Target,
        rate: float,
        tell: Callable[[Phase], None],
        *,
        count: Callable[[int, int], None],
        stop: threading.Event,
    ) -> Report:
        assert (target.pid, rate) == (4282, 80.0)
        for phase in Phase:
            tell(phase)
            count(1, 0)  # at once: too soon to be shown
        assert stop is wanted
        return REPORT

    wanted = stop
    engine(run)
    chosen, *phases, reported = DrillJob(Path(), "v1-2").steps(stop)
    assert chosen == Chosen("v1-2", 4282, 80.0)
    assert [step.phase for step in phases if isinstance(step, Reached)] == list(Phase)
    assert len(phases) == len(Phase)
    assert reported == Reported(REPORT)


def test_the_load_is_counted_now_and_then(
    engine: Callable[[Engine], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drill_job, "COUNT_S", 0.0)

    def run(*_: object, count: Callable[[int, int], None], **__: object) -> Report:
        count(7, 1)
        return REPORT

    engine(run)
    counted = [s for s in DrillJob(Path()).steps(threading.Event()) if isinstance(s, Counted)]
    assert [(step.answered, step.wrong) for step in counted] == [(7, 1)]


@pytest.mark.parametrize(
    ("error", "words"),
    [(Refused("not ready: v1-3"), "refused: not ready: v1-3"), (OSError("no log"), "no log")],
)
def test_why_it_cannot_be_is_said(
    engine: Callable[[Engine], None], error: Exception, words: str
) -> None:
    def run(*_: object, **__: object) -> Report:
        raise error

    engine(run)
    with pytest.raises(type(error)) as caught:
        list(DrillJob(Path()).steps(threading.Event()))
    assert str(caught.value) == words
