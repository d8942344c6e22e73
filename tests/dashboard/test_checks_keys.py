"""Every key of the Checks screen does what its label says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from textual.pilot import Pilot

from dashboard.checks_lines import trial_of
from dashboard.jobs import checks
from dashboard.lines import plain
from dashboard.trials.base import TrialName
from dashboard.ui.app import DashboardApp
from dashboard.ui.checks import ChecksScreen
from dashboard.ui.line_view import LineView
from probes.checks.finding import Check, Finding
from probes.checks.registry import chosen as really_chosen
from probes.verdict import Verdict
from tests.dashboard.checks_story import IDS
from tests.dashboard.screens import StillFeed, dashboard, picture, press, run, until

ROOT = Path(__file__).parents[2]


class Stack:
    """Stands in for the checks; `meanwhile` is called within each."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.meanwhile: Callable[[str], object] = lambda name: None
        self.absent: tuple[str, ...] = ()
        self.verdict = Verdict.PASSED

    def chosen(self, ids: Sequence[str]) -> tuple[Check, ...]:
        return tuple(Check(c.id, c.title, self._run(c.id), c.command) for c in really_chosen(ids))

    def _run(self, name: str) -> Callable[[object], Finding]:
        def run(_: object) -> Finding:
            self.ran.append(name)
            self.meanwhile(name)
            return Finding(self.verdict, f"{name} seen {len(self.ran)}")

        return run


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    found = Stack()
    monkeypatch.setattr(checks, "chosen", found.chosen)
    monkeypatch.setattr(checks, "absence", lambda workspace: found.absent)
    return found


async def open_screen(app: DashboardApp, pilot: Pilot[None]) -> ChecksScreen:
    await press(pilot, "nav.checks")
    await until(pilot, lambda: isinstance(app.screen, ChecksScreen), "the screen")
    await until(pilot, lambda: "t runs all 13 checks" in picture(app), "the list")
    assert isinstance(app.screen, ChecksScreen)
    return app.screen


async def run_all(app: DashboardApp, pilot: Pilot[None]) -> None:
    await press(pilot, "checks.run")
    await until(pilot, lambda: "13 passed" in picture(app), "the results")
    await until(pilot, lambda: not app.feed.model.trials[TrialName.CHECKS].running, "the end")


def chosen(screen: ChecksScreen) -> str:
    assert screen.chosen is not None
    return screen.chosen.id


def test_t_runs_them_all(stack: Stack) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_screen(app, pilot)
        await run_all(app, pilot)
        assert stack.ran == list(IDS)

    run(dashboard(root=ROOT), test)


def test_enter_runs_the_chosen_one_and_keeps_the_rest(stack: Stack) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        assert isinstance(app.feed, StillFeed)
        screen = await open_screen(app, pilot)
        await run_all(app, pilot)
        app.feed.at += 60
        stack.verdict = Verdict.FAILED
        await press(pilot, "checks.down", "checks.down", "checks.down", "checks.up")
        assert chosen(screen) == "tls"
        await press(pilot, "checks.again")
        await until(pilot, lambda: "12 passed, 1 failed" in picture(app), "the result")
        assert stack.ran == [*IDS, "tls"]
        assert "1m00s ago" in picture(app)
        await until(pilot, lambda: not app.feed.model.trials[TrialName.CHECKS].running, "the end")
        stack.verdict = Verdict.PASSED
        await pilot.press("r")
        await until(pilot, lambda: "13 passed" in picture(app), "the next one")
        assert chosen(screen) == "tls"

    run(dashboard(root=ROOT), test)


def test_the_cursor_stays_within_the_list(stack: Stack) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        screen = await open_screen(app, pilot)
        await press(pilot, "checks.up")
        assert chosen(screen) == IDS[0]
        for _ in range(len(IDS) + 3):
            await press(pilot, "checks.down")
        assert chosen(screen) == IDS[-1]

    run(dashboard(root=ROOT), test)


def test_a_click_chooses(stack: Stack) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        screen = await open_screen(app, pilot)
        lines = screen.query_one(LineView).lines
        row = next(i for i, line in enumerate(lines) if "Errors are JSON" in plain(line))
        await pilot.click("#checks", offset=(12, row))
        await until(pilot, lambda: chosen(screen) == "errors", "the choice")

    run(dashboard(root=ROOT), test)


def test_the_command_is_copied_before_and_after_a_run(stack: Stack) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_screen(app, pilot)
        await press(pilot, "checks.copy")
        assert app.clipboard == "process-compose list -o wide"
        await run_all(app, pilot)
        await press(pilot, "checks.down", "checks.down", "checks.copy")
        assert app.clipboard.startswith("curl -sS -i ")
        assert "--tls-max" in app.clipboard

    run(dashboard(root=ROOT), test)


def test_a_full_stop_ends_after_the_present_one(stack: Stack) -> None:
    goes_on = threading.Event()
    stack.meanwhile = lambda name: name == "tls" and goes_on.wait(20)

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_screen(app, pilot)
        await press(pilot, "checks.run")
        await until(pilot, lambda: "3 of 13: tls" in picture(app), "the third one")
        assert "RUNS" in picture(app)
        await press(pilot, "checks.stop")
        goes_on.set()
        await until(pilot, lambda: "stopped after 3 of 13" in picture(app), "the end")
        assert stack.ran == ["processes", "files", "tls"]

    run(dashboard(root=ROOT), test)


def test_a_stack_that_is_down_keeps_the_results_of_before(stack: Stack) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_screen(app, pilot)
        await run_all(app, pilot)
        stack.absent = ("nothing answers there", "fix: start it")
        await press(pilot, "checks.run")
        await until(pilot, lambda: "fix: start it" in picture(app), "the fix")
        assert "nothing answers there" in picture(app)
        assert len(trial_of(app.feed.model)[1].outcomes) == len(IDS)
        await until(pilot, lambda: not app.feed.model.trials[TrialName.CHECKS].running, "the end")
        stack.absent = ()
        await press(pilot, "checks.again")
        await until(pilot, lambda: "13 passed" in picture(app), "the results")

    run(dashboard(root=ROOT), test)


def test_freezing_keeps_the_picture_and_the_run_goes_on(stack: Stack) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_screen(app, pilot)
        await press(pilot, "view.freeze", "checks.run")
        await until(pilot, lambda: len(stack.ran) == len(IDS), "the run")
        assert "13 passed" not in picture(app)
        await press(pilot, "view.freeze")
        await until(pilot, lambda: "13 passed" in picture(app), "the results")

    run(dashboard(root=ROOT), test)


@pytest.mark.parametrize("read_only", [True, False])
def test_nothing_is_run_where_it_may_not(stack: Stack, read_only: bool) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await press(pilot, "nav.checks")
        await until(pilot, lambda: isinstance(app.screen, ChecksScreen), "the screen")
        await press(pilot, "checks.run", "checks.again", "checks.stop", "checks.down")
        assert not app.screen.check_action("run_test", ())
        assert not app.screen.check_action("run_chosen", ())

    # Read-only, and a replay, which has no workspace.
    run(dashboard(root=ROOT if read_only else None, read_only=read_only), test)
    assert not stack.ran
