"""Canary, shadow and drain on the Overview: what is shown, and every key that changes it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from dashboard.events import ExperimentState, SourceName, SourceState, SourceStatus
from dashboard.experiment_questions import drain_question, parse_weight
from dashboard.filters import parse_filter
from dashboard.glyphs import ASCII, UNICODE
from dashboard.lines import Line, Tone, plain
from dashboard.model import Model
from dashboard.present import overview
from dashboard.record import from_json, to_json
from dashboard.sources.nginx import experiment_state
from dashboard.traffic import table_row
from dashboard.ui.app import DashboardApp
from dashboard.ui.confirm import ConfirmScreen
from dashboard.ui.overview import OverviewScreen
from dashboard.ui.weight import WeightScreen
from dashboard.verdict import judge
from dashboard.view import View
from dashboard.window import Window
from gateway.canary import Experiment, read_experiment, write_experiment
from tests.dashboard.screens import NOW, StillFeed, dashboard, picture, press, run, until
from tests.dashboard.stories import START, all_fresh, hit, model, processes

ROOT = Path(__file__).parents[2]
WIDE = View(120, 40, UNICODE)


def state(weight: int = 0, shadow: int = 0, drained: str | None = None) -> ExperimentState:
    return ExperimentState(START, weight, shadow, drained)


def shown(folded: Model, view: View = WIDE) -> list[Line]:
    return list(overview(folded, view, START + 1, ""))


def row(folded: Model, name: str) -> str:
    return next(plain(line) for line in shown(folded) if plain(line).startswith(f" {name} "))


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (None, "  canary off  shadow off"),
        (state(), "  canary off  shadow off"),
        (state(25, 20), "  canary 25 % → v2  shadow 20 %  fallbacks 0"),
        (state(0, 1), "  canary off  shadow 1 %"),
        (ExperimentState(START, 0, 0, None, "damaged"), "  canary unreadable"),
    ],
)
def test_the_share_is_shown(event: ExperimentState | None, words: str) -> None:
    folded = model(*all_fresh(START), *([] if event is None else [event]))
    assert plain(shown(folded)[4]).endswith(words)


def test_where_there_is_little_room_it_stands_in_the_line_below() -> None:
    folded = model(*all_fresh(START), state(25, 5))
    line = plain(shown(folded, View(80, 24, ASCII))[5])
    assert line.endswith("targets 6 of 6  canary 25 %, shadow 5 %")


FALLBACK = hit(START, "v1-1", cohort="canary", user_id="u-1")


def test_a_fallback_is_counted_and_named() -> None:
    by_v2, forced = hit(START, "v2-1", cohort="canary"), hit(START, "v2-1", cohort="debug")
    nobody = hit(START, "", 503, cohort="canary")
    folded = model(*all_fresh(START), state(25), FALLBACK, FALLBACK, by_v2, forced, nobody)
    assert folded.totals.fallbacks == 2
    assert folded.window(Window.MINUTE, START + 1).fallbacks == 2
    assert folded.totals.minus(folded.totals.copy()).fallbacks == 0
    assert plain(shown(folded)[4]).endswith("fallbacks 2")
    notes = [plain(line) for line in shown(folded)]
    assert sum(line.endswith("canary, v1 stood in") for line in notes) == 2
    assert sum(line.endswith("/predict  canary") for line in notes) == 1 + 1


def test_the_traffic_screen_finds_it() -> None:
    folded = model(state(25), FALLBACK)
    matches = parse_filter("cohort:canary inst:v1").matcher(folded.answered_by)
    assert matches(FALLBACK.access)
    assert not matches(hit(START, "v2-1", cohort="canary").access)
    cell = next(c for c in table_row(folded, WIDE, FALLBACK.access) if c.text.strip() == "canary")
    assert cell.tone is Tone.WARN


def test_a_drained_instance_says_so_in_its_row_and_in_the_verdict() -> None:
    folded = model(*all_fresh(START), hit(START), state(0, 0, "v1-2"))
    assert "○ drained" in row(folded, "v1-2")
    assert "● ready" in row(folded, "v1-1")
    assert "4 of 4 instances ready, v1-2 drained" in judge(folded, START + 1).reason
    # What it does meanwhile is said, not hidden.
    folded.apply(processes(START, starting="v1-2"))
    assert "○ start" in row(folded, "v1-2")


def test_the_event_reads_back() -> None:
    for event in (state(25, 20, "v1-2"), ExperimentState(START, 0, 0, None, "damaged")):
        assert from_json(json.loads(json.dumps(to_json(event)))) == event


def test_the_source_reads_the_files(tmp_path: Path) -> None:
    write_experiment(tmp_path, Experiment(25, 20, "v1-2"))
    assert experiment_state(tmp_path, START) == state(25, 20, "v1-2")
    (tmp_path / "var/canary/active/state.json").write_text("{")
    assert "canary off" in experiment_state(tmp_path, START).problem


@pytest.mark.parametrize(
    ("text", "weight"),
    [("0", 0), ("100", 100), (" 25 % ", 25), ("101", None), ("", None), ("2.5", None), ("²", None)],
)
def test_a_weight_is_a_whole_percentage(text: str, weight: int | None) -> None:
    assert parse_weight(text) == weight


@pytest.mark.parametrize(
    ("name", "drained", "words"),
    [
        ("v1-2", None, "its share goes to v1-1 and v1-3"),
        ("v2-1", None, "v1 answers the canary, who asks for v2 gets 503"),
        ("v1-2", "v1-2", "from the next one on"),
    ],
)
def test_what_a_drain_would_do_is_said(name: str, drained: str | None, words: str) -> None:
    folded = model(*all_fresh(START), state(0, 0, drained))
    assert words in drain_question(folded, name, START).consequence


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """The files alone."""
    shutil.copytree(ROOT / "nginx", tmp_path / "nginx", ignore=shutil.ignore_patterns("certs"))
    for name in (".env", "process-compose.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    text = (tmp_path / "process-compose.yaml").read_text()
    # Port 1: no instance of another workspace answers there.
    (tmp_path / "process-compose.yaml").write_text(text.replace("8201", "1"))
    return tmp_path


def app_of(root: Path | None, read_only: bool = False) -> DashboardApp:
    app = dashboard(root=root, read_only=read_only)
    assert isinstance(app.feed, StillFeed)
    app.feed.add(*all_fresh(NOW), SourceStatus(NOW, SourceName.NGINX, SourceState.FRESH))
    return app


def said(app: DashboardApp, words: str) -> bool:
    return any(words in note.message for note in app._notifications)


async def type_weight(app: DashboardApp, pilot: Pilot[None], text: str) -> None:
    await press(pilot, "canary.weight")
    await until(pilot, lambda: isinstance(app.screen, WeightScreen), "the question")
    await until(pilot, lambda: app.screen.query_one(Input).has_focus, "the line")
    await pilot.press(*text)
    await press(pilot, "weight.set")


def test_c_sets_a_weight_and_0_is_the_kill_switch(workspace: Path) -> None:
    write_experiment(workspace, Experiment(0, 20, "v1-3"))

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await type_weight(app, pilot, "250")
        await until(pilot, lambda: isinstance(app.screen, WeightScreen), "still there")
        assert read_experiment(workspace) == Experiment(0, 20, "v1-3")
        await press(pilot, "weight.cancel")
        await until(pilot, lambda: isinstance(app.screen, OverviewScreen), "the Overview")
        await type_weight(app, pilot, "25")
        await until(pilot, lambda: "canary 25 %" in picture(app), "the new weight")
        assert read_experiment(workspace) == Experiment(25, 20, "v1-3")
        await until(pilot, lambda: said(app, "back: python -m dashboard canary 0"), "the way back")
        assert said(app, "warning: v2-1 does not answer")
        await type_weight(app, pilot, "0")
        await until(pilot, lambda: "canary off  shadow off" in picture(app), "nothing")
        assert read_experiment(workspace) == Experiment(drained="v1-3")

    run(app_of(workspace), test)


def test_d_drains_the_chosen_instance_and_ends_it(workspace: Path) -> None:
    async def answer(app: DashboardApp, pilot: Pilot[None], key: str) -> None:
        await press(pilot, "instance.drain")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        await press(pilot, key)
        await until(pilot, lambda: isinstance(app.screen, OverviewScreen), "the Overview")

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await press(pilot, "instance.drain")
        await until(pilot, lambda: said(app, "first choose an instance"), "what to do")
        await press(pilot, "row.down", "row.down")
        await answer(app, pilot, "confirm.no")
        assert read_experiment(workspace) == Experiment()
        await answer(app, pilot, "confirm.yes")
        await until(pilot, lambda: "○ drained" in picture(app), "it")
        assert read_experiment(workspace) == Experiment(drained="v1-2")
        await press(pilot, "row.down")
        await answer(app, pilot, "confirm.yes")
        await until(pilot, lambda: said(app, "v1-2 is drained, one at a time"), "why not")
        await press(pilot, "row.up")
        await answer(app, pilot, "confirm.yes")
        await until(pilot, lambda: "drained" not in picture(app), "its end")
        assert read_experiment(workspace) == Experiment()
        await pilot.press(*["down"] * 9)
        await press(pilot, "instance.drain")  # nginx itself
        assert isinstance(app.screen, OverviewScreen)

    run(app_of(workspace), test)


@pytest.mark.parametrize("read_only", [True, False])
def test_where_nothing_may_be_changed_nothing_is(workspace: Path, read_only: bool) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await press(pilot, "row.down", "canary.weight", "instance.drain")
        assert isinstance(app.screen, OverviewScreen)

    run(app_of(workspace if read_only else None, read_only), test)
    assert read_experiment(workspace) == Experiment()
