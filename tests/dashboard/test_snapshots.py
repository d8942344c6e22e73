"""The screens as pictures, from a recording and with a clock that stands still."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from dashboard.replay import ReplayFeed
from dashboard.ui.app import DashboardApp
from dashboard.ui.options import Options
from tests.dashboard.pictures import Compare, at_both_sizes, recorded, whole
from tests.dashboard.screens import picture, until
from tests.dashboard.stories import busy_minute

pytestmark = pytest.mark.usefixtures("utc")


@pytest.fixture
def feed(tmp_path: Path) -> ReplayFeed:
    """A minute and a half, folded at once."""
    return recorded(tmp_path, busy_minute())


@at_both_sizes
def test_overview(snap_compare: Compare, feed: ReplayFeed, size: tuple[int, int]) -> None:
    app = DashboardApp(feed, Options())
    assert snap_compare(app, terminal_size=size, run_before=whole)


@at_both_sizes
def test_traffic(snap_compare: Compare, feed: ReplayFeed, size: tuple[int, int]) -> None:
    async def before(pilot: Pilot[None]) -> None:
        await whole(pilot)
        await pilot.press("2")
        await until(pilot, lambda: "POST /predict" in picture(pilot.app), "the list")
        await pilot.press("down", "down")

    app = DashboardApp(feed, Options())
    assert snap_compare(app, terminal_size=size, run_before=before)


def test_overview_light_ascii(snap_compare: Compare, feed: ReplayFeed) -> None:
    app = DashboardApp(feed, Options(light=True, ascii=True))
    assert snap_compare(app, terminal_size=(120, 40), run_before=whole)
