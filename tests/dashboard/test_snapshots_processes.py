"""The Processes screen as pictures, from a recording whose clock stands still."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from dashboard.replay import ReplayFeed
from dashboard.ui.app import DashboardApp
from dashboard.ui.confirm import ConfirmScreen
from dashboard.ui.options import Options
from tests.dashboard.drill_story import whole_story
from tests.dashboard.pictures import Compare, at_both_sizes, recorded, whole
from tests.dashboard.ray_story import lost_node
from tests.dashboard.screens import picture, until

pytestmark = pytest.mark.usefixtures("utc")


@pytest.fixture
def feed(tmp_path: Path) -> ReplayFeed:
    """A drill that has ended, and a stack in which not all is well."""
    return recorded(tmp_path, whole_story())


async def processes(pilot: Pilot[None]) -> None:
    await whole(pilot)
    await pilot.press("6")
    await until(pilot, lambda: "0 of 439 requests lost" in picture(pilot.app), "the drill")


@at_both_sizes
def test_processes(snap_compare: Compare, feed: ReplayFeed, size: tuple[int, int]) -> None:
    app = DashboardApp(feed, Options())
    assert snap_compare(app, terminal_size=size, run_before=processes)


@at_both_sizes
def test_a_log(snap_compare: Compare, feed: ReplayFeed, size: tuple[int, int]) -> None:
    async def before(pilot: Pilot[None]) -> None:
        await processes(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "line 39 of the log" in picture(pilot.app), "the log")

    app = DashboardApp(feed, Options())
    assert snap_compare(app, terminal_size=size, run_before=before)


@at_both_sizes
def test_a_node_of_ray_is_lost(
    snap_compare: Compare, tmp_path: Path, size: tuple[int, int]
) -> None:
    async def before(pilot: Pilot[None]) -> None:
        await whole(pilot)
        await pilot.press("6")
        await until(pilot, lambda: "1 of 2 nodes" in picture(pilot.app), "the nodes")

    app = DashboardApp(recorded(tmp_path, lost_node()), Options())
    assert snap_compare(app, terminal_size=size, run_before=before)


def test_processes_light_ascii(snap_compare: Compare, feed: ReplayFeed) -> None:
    app = DashboardApp(feed, Options(light=True, ascii=True))
    assert snap_compare(app, terminal_size=(120, 40), run_before=processes)


def test_the_question(snap_compare: Compare, feed: ReplayFeed, tmp_path: Path) -> None:
    async def before(pilot: Pilot[None]) -> None:
        await processes(pilot)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen), "the question")
        await until(pilot, lambda: "goes to v1-2 and v1-3" in picture(pilot.app), "its words")

    app = DashboardApp(feed, Options(root=tmp_path))
    assert snap_compare(app, terminal_size=(80, 24), run_before=before)
