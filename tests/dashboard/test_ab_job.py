"""The jobs of the A/B screen, against a gateway that answers as a test says."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from dashboard.jobs.ab import CorpusJob, SentenceJob
from dashboard.jobs.ab_reports import write_reports
from dashboard.trials.ab import Asked, Begun, Finished, Sentence
from dashboard.trials.base import Step
from gateway.errors import ConfigurationError
from probes.ab_report import as_json, markdown
from probes.client import NoAnswer
from tests.dashboard.ab_story import (
    REASONS,
    ab_workspace,
    corpus_job,
    corpus_steps,
    folded,
    sentence_job,
    v1_wrong_often,
)
from tests.probes.ab_standin import FakeClient


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return ab_workspace(tmp_path)


def steps(job: CorpusJob | SentenceJob, stop: threading.Event | None = None) -> list[Step]:
    return list(job.steps(stop or threading.Event()))


def test_a_run_begins_asks_and_ends(root: Path) -> None:
    client = FakeClient(v1_wrong_often)
    first, *asked, last = steps(corpus_job(root, 20, client))
    assert isinstance(first, Begun)
    assert (first.pointer, first.source, first.corpus, first.planned) == (
        "/prediction",
        "held-out.csv",
        60,
        20,
    )
    assert dict(first.served)["v2-1"] == "v2"
    assert len(asked) == 20
    assert all(isinstance(step, Asked) for step in asked)
    # What a recording need not keep is gone already.
    assert isinstance(asked[0], Asked)
    assert set(asked[0].pair.second.body) == {"prediction", "version"}
    assert isinstance(last, Finished)
    assert (last.problem, last.stopped) == ("", False)
    assert client.closed


def test_every_row_and_never_one_twice(root: Path) -> None:
    asked = [
        step for step in steps(corpus_job(root, None, FakeClient())) if isinstance(step, Asked)
    ]
    assert len({step.pair.text for step in asked}) == len(asked) == 60


def test_the_same_rows_again(root: Path) -> None:
    texts = [
        [
            step.pair.text
            for step in steps(corpus_job(root, 9, FakeClient()))
            if hasattr(step, "pair")
        ]
        for _ in range(2)
    ]
    assert texts[0] == texts[1]


def test_a_stop_ends_it_after_the_present_pair(root: Path) -> None:
    stop, client = threading.Event(), FakeClient()
    found = []
    for step in corpus_job(root, 60, client).steps(stop):
        found.append(step)
        if len(found) == 6:
            stop.set()
    assert isinstance(found[-1], Finished)
    assert found[-1].stopped
    assert len(client.asked) == 3 * 5
    assert client.closed


def test_a_gateway_that_goes_away_leaves_what_was_measured(root: Path) -> None:
    def gone(version: str, text: str, fields: dict[str, Any]) -> None:
        if len(client.asked) > 3 * 10:
            raise NoAnswer("refused")

    client = FakeClient(gone)
    found: list[Step] = []
    with pytest.raises(NoAnswer, match="10 pairs: refused; is the workspace running"):
        found.extend(corpus_job(root, 60, client).steps(threading.Event()))
    state = folded(*found)
    assert state.run is not None
    assert state.run.tally.pairs == 10
    assert "any more after 10 pairs: refused" in state.run.judgements().overall.reason
    assert client.closed


def test_without_a_gateway_nothing_was_measured(root: Path) -> None:
    def gone(*_: object) -> None:
        raise NoAnswer("refused")

    found: list[Step] = []
    with pytest.raises(NoAnswer, match="did not answer: refused; is the workspace running"):
        found.extend(corpus_job(root, 60, FakeClient(gone)).steps(threading.Event()))
    assert len(found) == 2
    with pytest.raises(NoAnswer, match="make start-project"):
        steps(sentence_job(root, "good", FakeClient(gone)))


def test_a_sentence_keeps_both_bodies(root: Path) -> None:
    client = FakeClient(v1_wrong_often)
    (found,) = steps(sentence_job(root, 'a "good" \x1b[2J text 3', client))
    assert isinstance(found, Sentence)
    assert found.versions == ("v1", "v2")
    assert found.pair.text.text == 'a "good" \x1b[2J text 3'
    assert found.pair.text.label is None
    assert found.pair.second.body["because"] == REASONS
    assert client.closed


def test_a_folder_without_a_corpus_says_how_to_get_one(root: Path) -> None:
    (root / "var/data/held-out.csv").unlink()
    with pytest.raises(ConfigurationError, match="make gen-model"):
        steps(corpus_job(root, 10, FakeClient()))


def test_the_reports_are_those_of_the_command(tmp_path: Path) -> None:
    state = folded(*corpus_steps())
    assert state.run is not None
    result = state.run.result(0)
    path = write_reports(tmp_path, result, 1_732_341_600.0)
    assert path.parent == tmp_path / "var/reports"
    assert {each.stat().st_mode & 0o777 for each in path.parent.iterdir()} == {0o600}
    assert path.read_text() == markdown(result)
    assert path.with_suffix(".json").read_text() == as_json(result)
    with pytest.raises(OSError, match=r"file|directory"):
        write_reports(path, result, 1_732_341_600.0)
