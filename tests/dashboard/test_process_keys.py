"""Every key of the Processes screen, and of the question before a deed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from dashboard.events import ProcessLog, SourceName, SourceState, SourceStatus
from dashboard.jobs import processes as jobs
from dashboard.jobs.processes import LOG_LINES, act, read_log
from dashboard.process_lines import LOG_CHARACTERS
from dashboard.process_questions import Deed
from dashboard.trials.base import TrialName
from dashboard.trials.drill import DrillStep
from dashboard.ui import processes as processes_module
from dashboard.ui.app import DashboardApp
from dashboard.ui.confirm import ConfirmScreen
from dashboard.ui.line_view import LineView
from dashboard.ui.processes import ProcessesScreen
from gateway.supervisor import Supervisor, SupervisorError, SupervisorUnreachable
from tests.dashboard.drill_story import STEPS, ended, everything
from tests.dashboard.screens import NOW, StillFeed, dashboard, picture, press, run, until


def app_of(root: Path | None, read_only: bool = False) -> DashboardApp:
    """The application, with every process of the workspace; the exporter is down."""
    app = dashboard(root=root, read_only=read_only)
    assert isinstance(app.feed, StillFeed)
    app.feed.add(everything(NOW, ended("exporter", "watch", 3)))
    app.feed.add(SourceStatus(NOW, SourceName.PROCESSES, SourceState.FRESH))
    return app


async def opened(app: DashboardApp, pilot: Pilot[None]) -> ProcessesScreen:
    await press(pilot, "nav.processes")
    await until(pilot, lambda: "v1-2" in picture(app), "the table")
    assert isinstance(app.screen, ProcessesScreen)
    return app.screen


def said(app: DashboardApp, words: str) -> bool:
    return any(words in note.message for note in app._notifications)


def under_cursor(app: DashboardApp) -> str:
    view = app.screen.query_one(LineView)
    assert view._cursor is not None
    return "".join(cell.text for cell in view.lines[view._cursor]).split()[0]


@pytest.fixture
def deeds(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Deed, str]]:
    """What was done."""
    done: list[tuple[Deed, str]] = []

    def noted(root: Path, deed: Deed, name: str) -> tuple[bool, str]:
        done.append((deed, name))
        return True, f"{name}: {deed.value} done [x]"

    monkeypatch.setattr(processes_module, "act", noted)
    return done


def test_up_and_down_choose_a_process(tmp_path: Path) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await opened(app, pilot)
        assert under_cursor(app) == "v1-1"
        await press(pilot, "process.down", "process.down")
        assert under_cursor(app) == "v1-3"
        await press(pilot, "process.up")
        assert under_cursor(app) == "v1-2"
        await pilot.press(*["up"] * 20)
        assert under_cursor(app) == "model"
        await pilot.press(*["down"] * 20)
        assert under_cursor(app) == "grafana"
        lines = app.screen.query_one(LineView).lines
        nginx = next(i for i, line in enumerate(lines) if line and line[1].text.strip() == "nginx")
        await pilot.click("#processes", offset=(3, nginx))
        await until(pilot, lambda: under_cursor(app) == "nginx", "the click")

    run(app_of(tmp_path), test)


@pytest.mark.parametrize(
    ("key", "down", "words", "expected"),
    [
        ("process.stop", 1, "goes to v1-1 and v1-3", (Deed.STOP, "v1-2")),
        ("process.restart", 4, "nobody is served", (Deed.RESTART, "nginx")),
        ("process.start", 6, "start exporter?", (Deed.START, "exporter")),
    ],
)
def test_a_deed_is_done_after_a_yes_only(
    tmp_path: Path,
    deeds: list[tuple[Deed, str]],
    key: str,
    down: int,
    words: str,
    expected: tuple[Deed, str],
) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await opened(app, pilot)
        await press(pilot, *["process.down"] * down)
        for no in ("confirm.no", "escape"):
            await press(pilot, key)
            await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
            await until(pilot, lambda: words in picture(app), "the consequence")
            await (press(pilot, no) if "." in no else pilot.press(no))
            await until(pilot, lambda: isinstance(app.screen, ProcessesScreen), "the end of it")
        assert not deeds
        await press(pilot, key)
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        await pilot.press("enter", "space", "x", "s")  # none of these is a yes
        assert isinstance(app.screen, ConfirmScreen)
        await press(pilot, "confirm.yes")
        await until(pilot, lambda: said(app, "done [x]"), "the words")
        assert deeds == [expected]

    run(app_of(tmp_path), test)


def test_what_needs_no_deed_is_said(tmp_path: Path, deeds: list[tuple[Deed, str]]) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await opened(app, pilot)
        await press(pilot, "process.start")
        await until(pilot, lambda: said(app, "v1-1 runs already"), "the words")
        assert isinstance(app.screen, ProcessesScreen)

    run(app_of(tmp_path), test)
    assert not deeds


@pytest.mark.parametrize("read_only", [True, False])
def test_where_nothing_may_be_changed_nothing_is(
    tmp_path: Path, deeds: list[tuple[Deed, str]], read_only: bool
) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await opened(app, pilot)
        await press(pilot, "process.stop", "process.restart", "process.start")
        await press(pilot, "drill.run", "drill.stop")
        assert isinstance(app.screen, ProcessesScreen)
        assert not app.feed.model.trials
        await press(pilot, "process.log")
        await until(pilot, lambda: "log of v1-1" in picture(app), "the log")
        if not read_only:
            await until(pilot, lambda: "this recording holds no log" in picture(app), "why")

    run(app_of(tmp_path if read_only else None, read_only), test)
    assert not deeds


def test_the_log_follows_the_cursor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []

    def read(root: Path, name: str, now: float) -> ProcessLog:
        reads.append(name)
        if name == "v1-2":
            raise SupervisorError("no right to see it")
        return ProcessLog(now, name, (f"{name} says \x1b[31mred", "[bold]no markup"))

    monkeypatch.setattr(processes_module, "read_log", read)

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await opened(app, pilot)
        assert "kill drill" in picture(app)
        await press(pilot, "process.log")
        await until(pilot, lambda: r"v1-1 says \x1b[31mred" in picture(app), "the log")
        assert "[bold]no markup" in picture(app)
        await press(pilot, "process.down")
        await until(pilot, lambda: "no right to see it" in picture(app), "why not")
        await press(pilot, "process.close")
        await until(pilot, lambda: "kill drill" in picture(app), "the drill again")
        await pilot.press("o", "o")
        await until(pilot, lambda: "kill drill" in picture(app), "the drill again")

    run(app_of(tmp_path), test)
    assert set(reads) == {"v1-1", "v1-2"}


def test_the_drill_asks_kills_and_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    victims: list[str | None] = []

    class Drill:
        trial = TrialName.DRILL

        def __init__(self, root: Path, victim: str | None) -> None:
            victims.append(victim)

        def steps(self, stop: threading.Event) -> Iterator[DrillStep]:
            yield from STEPS[:5]
            assert stop.wait(20)
            yield STEPS[-1]

    monkeypatch.setattr(processes_module, "DrillJob", Drill)

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await opened(app, pilot)
        await press(pilot, "process.down", "drill.run")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        await until(pilot, lambda: "kill -9 v1-2 under up to 80" in picture(app), "whom")
        await press(pilot, "confirm.no")
        assert not victims
        await press(pilot, "drill.run")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen), "the question")
        await press(pilot, "confirm.yes")
        await until(pilot, lambda: "283 requests answered" in picture(app), "the load")
        await press(pilot, "drill.stop")
        await until(pilot, lambda: "0 of 439 requests lost; back in 2.4 s" in picture(app), "it")
        await press(pilot, "process.down", "process.down", "drill.run")
        await until(pilot, lambda: "who forces v2 (debug) gets 503" in picture(app), "v2")
        await press(pilot, "confirm.yes")
        await until(pilot, lambda: len(victims) == 2, "the other one")
        await press(pilot, "drill.stop")

    run(app_of(tmp_path), test)
    assert victims == ["v1-2", "v2-1"]


class Fake(Supervisor):
    """Does what it is told, or refuses."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.told: list[str] = []

    def start(self, name: str) -> None:
        raise SupervisorError("process already running")

    def stop(self, name: str) -> None:
        if name != "v1-1":
            raise SupervisorUnreachable("make start-project")

    def logs(self, name: str, limit: int) -> list[str]:
        assert limit == LOG_LINES
        return ["one\n", "y" * 2_000, ""]


def test_what_is_done_and_what_is_refused_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "Supervisor", Fake)
    assert act(Path(), Deed.STOP, "v1-1") == (True, "v1-1 stopped")
    assert act(Path(), Deed.STOP, "v1-2") == (False, "stop v1-2: make start-project")
    assert act(Path(), Deed.START, "v1-2") == (False, "start v1-2: process already running")
    log = read_log(Path(), "v1-1", NOW)
    assert log == ProcessLog(NOW, "v1-1", ("one", "y" * LOG_CHARACTERS, ""))


def test_without_process_compose_a_deed_says_how_to_start_it(tmp_path: Path) -> None:
    done, words = act(tmp_path, Deed.RESTART, "nginx")
    assert not done
    assert words.startswith("restart nginx: ")
    assert "make start-project" in words
