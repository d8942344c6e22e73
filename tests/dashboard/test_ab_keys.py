"""Every key of the A/B screen and of labelling does what its label says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from dashboard.jobs.ab import CorpusJob, SentenceJob
from dashboard.jobs.ab_reports import write_reports
from dashboard.trials.ab import AbRun, AbState
from dashboard.trials.base import TrialName
from dashboard.ui import ab as ab_module
from dashboard.ui.ab import AbScreen
from dashboard.ui.app import DashboardApp
from dashboard.ui.labelling import LabellingScreen
from dashboard.ui.options import Options
from probes.ab_report import Run
from probes.client import NoAnswer
from tests.dashboard.ab_story import (
    QueueFeed,
    ab_workspace,
    corpus_job,
    corpus_steps,
    events,
    sentence_job,
    v1_wrong_often,
)
from tests.dashboard.screens import NOW, WAIT_S, picture, press, run, until
from tests.probes.ab_standin import FakeClient

Begin = Callable[..., DashboardApp]


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Begin:
    """The application in a workspace whose gateway is the given client."""

    def _begin(client: FakeClient, *, read_only: bool = False) -> DashboardApp:
        def corpus(root: Path, pairs: int | None) -> CorpusJob:
            return corpus_job(root, pairs, client)

        def sentence(root: Path, text: str) -> SentenceJob:
            return sentence_job(root, text, client)

        monkeypatch.setattr(ab_module, "CorpusJob", corpus)
        monkeypatch.setattr(ab_module, "SentenceJob", sentence)
        options = Options(root=ab_workspace(tmp_path, rows=400), read_only=read_only)
        return DashboardApp(QueueFeed(), options)

    return _begin


def replayed(*, labelled: bool = True) -> DashboardApp:
    """The application without a workspace, after a run."""
    feed = QueueFeed()
    feed.add(*events(NOW - 5, *corpus_steps(labelled=labelled)))
    return DashboardApp(feed, Options())


async def open_ab(app: DashboardApp, pilot: Pilot[None]) -> AbScreen:
    await press(pilot, "nav.ab")
    await until(pilot, lambda: isinstance(app.screen, AbScreen), "A/B")
    await until(pilot, lambda: "sentence" in picture(app), "the picture")
    assert isinstance(app.screen, AbScreen)
    return app.screen


def state_of(app: DashboardApp) -> AbState:
    state = app.feed.model.trials[TrialName.AB].state
    assert isinstance(state, AbState)
    return state


def run_of(app: DashboardApp) -> AbRun:
    found = state_of(app).run
    assert found is not None
    return found


def told(app: DashboardApp, words: str) -> bool:
    return any(words in note.message for note in app._notifications)


def ended(app: DashboardApp) -> bool:
    trial = app.feed.model.trials.get(TrialName.AB)
    return trial is not None and not trial.running


def test_t_runs_as_many_pairs_as_were_chosen(begin: Begin) -> None:
    client = FakeClient(v1_wrong_often)

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_ab(app, pilot)
        await press(pilot, "ab.fewer", "ab.fewer", "ab.fewer", "ab.more")
        await until(pilot, lambda: "t asks 300 rows" in picture(app), "the number")
        await press(pilot, "ab.fewer", "ab.run")
        await until(pilot, lambda: ended(app), "the end")
        await until(pilot, lambda: "100 of 100 pairs" in picture(app), "its picture")
        assert run_of(app).tally.pairs == 100
        await press(pilot, "ab.more", "ab.more", "ab.more", "ab.more", "ab.more")
        await until(pilot, lambda: "t asks every row" in picture(app), "the whole corpus")

    run(begin(client), test)
    assert client.closed


def test_stop_keeps_what_was_measured_and_other_screens_do_not_disturb(begin: Begin) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_ab(app, pilot)
        await press(pilot, "ab.run")
        await until(pilot, lambda: "so far" in picture(app), "the first pairs")
        await press(pilot, "nav.overview")
        first.set()
        await until(pilot, lambda: run_of(app).tally.pairs == 20, "more pairs")
        await open_ab(app, pilot)
        await until(pilot, lambda: "20 of 400 pairs" in picture(app), "these")
        await press(pilot, "ab.label")
        assert told(app, "the run goes on")
        await press(pilot, "ab.sentence")
        await pilot.press("enter")
        assert told(app, "still running")
        await press(pilot, "ab.close", "ab.stop")
        second.set()
        await until(pilot, lambda: ended(app), "the end")
        await until(pilot, lambda: "21 of 400 pairs" in picture(app), "its picture")
        assert "stopped" in picture(app)

    def wait(version: str, text: str, fields: dict[str, Any]) -> None:
        """The gateway stops to answer until the test has come so far."""
        place = len(client.asked)
        assert place != 3 * 10 + 1 or first.wait(WAIT_S)
        assert place != 3 * 20 + 1 or second.wait(WAIT_S)

    first, second = threading.Event(), threading.Event()
    client = FakeClient(wait)
    run(begin(client), test)


def test_a_frozen_picture_stands_still_while_the_run_goes_on(begin: Begin) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_ab(app, pilot)
        await press(pilot, "view.freeze", "ab.run")
        await until(pilot, lambda: ended(app), "the end")
        app.repaint()
        assert "nothing was asked yet" in picture(app)
        assert "FROZEN" in picture(app).splitlines()[0]
        await press(pilot, "view.freeze")
        await until(pilot, lambda: "400 of 400 pairs" in picture(app), "the run")

    run(begin(FakeClient(v1_wrong_often)), test)


def test_a_sentence_is_asked_and_comes_back_to_be_changed(begin: Begin) -> None:
    client = FakeClient(v1_wrong_often)

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        screen = await open_ab(app, pilot)
        line = screen.query_one(Input)
        await press(pilot, "ab.sentence")
        assert line.has_class("-open")
        assert line.value == "Oh yeah, that was soooo cool!"
        line.value = ""
        await pilot.press("enter")
        assert told(app, "nothing to ask")
        assert line.has_class("-open")
        await pilot.press(*"good t 3", "enter")
        await until(pilot, lambda: "chances" not in picture(app) and "0.62" in picture(app), "bars")
        assert not line.has_class("-open")
        assert state_of(app).sentence is not None
        assert state_of(app).run is None  # letters in the line are no commands
        assert [text for _, _, text in client.asked] == ["good t 3"] * 3
        await press(pilot, "ab.sentence")
        assert line.value == "good t 3"
        await press(pilot, "ab.close")
        assert not line.has_class("-open")
        assert screen.focused is None

    run(begin(client), test)


def test_a_gateway_that_is_gone_is_told(begin: Begin) -> None:
    def gone(version: str, text: str, fields: dict[str, Any]) -> None:
        if len(client.asked) > 30:
            raise NoAnswer("connection refused")

    client = FakeClient(gone)

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_ab(app, pilot)
        await press(pilot, "ab.run")
        await until(pilot, lambda: ended(app), "the end")
        await until(pilot, lambda: "connection refused" in picture(app), "the reason")
        shown = picture(app)
        assert shown.startswith(" ERROR")
        assert "10 of 400 pairs" in shown
        assert "make start-project" in shown

    run(begin(client), test)


@pytest.mark.parametrize("read_only", [True, False])
def test_nothing_is_asked_where_it_may_not(begin: Begin, read_only: bool) -> None:
    client = FakeClient()

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        screen = await open_ab(app, pilot)
        await press(pilot, "ab.run", "ab.sentence", "ab.more")
        assert not screen.query_one(Input).has_class("-open")
        assert ("60 of 60 pairs" in picture(app)) is not read_only
        assert "t asks" not in picture(app)

    run(begin(client, read_only=True) if read_only else replayed(), test)
    assert not client.asked


def test_labelling_is_blind_kept_and_decided_in_a_replay() -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        screen = await open_ab(app, pilot)
        await press(pilot, "ab.label")
        await until(pilot, lambda: isinstance(app.screen, LabellingScreen), "labelling")
        await until(pilot, lambda: "question 1," in picture(app), "the first question")
        labelling = run_of(app).labelling
        assert labelling is not None
        await press(pilot, "label.neither", "label.skip")
        await until(pilot, lambda: "question 3," in picture(app), "the third question")
        assert (labelling.neither, labelling.skipped) == (1, 1)
        assert "v1" not in picture(app)
        assert "v2" not in picture(app)
        await press(pilot, "label.close")
        await until(pilot, lambda: app.screen is screen, "A/B")
        await until(pilot, lambda: "1 labels so far" in picture(app), "what was labelled")
        await press(pilot, "ab.label")
        await until(pilot, lambda: "question 3," in picture(app), "the same question")
        while (question := labelling.question) is not None:
            right = question.text.split()[0]
            await press(pilot, "label.first" if question.first == right else "label.second")
        await until(pilot, lambda: "v2 is more often right after" in picture(app), "the verdict")
        # Digits are answers here, not screens.
        await press(pilot, "label.first")
        assert isinstance(app.screen, LabellingScreen)
        await press(pilot, "label.close")
        await until(pilot, lambda: app.screen is screen, "A/B")
        await until(pilot, lambda: picture(app).startswith(" PASSED  v2 is"), "the verdict")

    run(replayed(labelled=False), test)


def test_there_must_be_something_to_label_and_to_write() -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_ab(app, pilot)
        await press(pilot, "ab.label")
        assert told(app, "no disagreement")
        await press(pilot, "ab.export")
        assert told(app, "no run")

    run(DashboardApp(QueueFeed(), Options()), test)


def test_export_writes_both_reports_and_says_where(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "var/reports"

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_ab(app, pilot)
        await press(pilot, "ab.label")
        await until(pilot, lambda: "question 1," in picture(app), "labelling")
        await press(pilot, "label.neither", "label.close")
        await until(pilot, lambda: isinstance(app.screen, AbScreen), "A/B")
        await press(pilot, "ab.export")
        await until(pilot, lambda: told(app, str(folder)), "the words")
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        folder.write_text("in the way")
        await press(pilot, "ab.export")
        await until(pilot, lambda: told(app, "cannot be written"), "the failure")

    written: list[str] = []

    def keep(root: Path, result: Run, now: float) -> Path:
        path = write_reports(root, result, now)
        written.extend(each.read_text() for each in (path.with_suffix(".json"), path))
        return path

    monkeypatch.setattr(ab_module, "write_reports", keep)
    run(replayed(), test)
    found = json.loads(written[0])
    assert found["pairs"]["asked"] == 60
    assert found["labelling"]["labels"] == 1
    assert written[1].startswith("# A/B: v1 against v2")
    assert found["labelling"]["neither"] == 1
