"""The Rollout screen as a picture."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from dashboard.ui.app import DashboardApp
from dashboard.ui.options import Options
from tests.dashboard.pictures import Compare, at_both_sizes, recorded
from tests.dashboard.rollout_story import STATUSES, story
from tests.dashboard.screens import picture, press, until

pytestmark = pytest.mark.usefixtures("utc")


async def shown(pilot: Pilot[None]) -> None:
    """Until the screen is there, at the end of the recording."""
    await press(pilot, "nav.rollout")
    await until(pilot, lambda: pilot.app.screen.query("#rollout"), "the screen")
    await until(pilot, lambda: "end of replay" in picture(pilot.app), "the end of the recording")


@at_both_sizes
@pytest.mark.parametrize("name", STATUSES)
def test_rollout(snap_compare: Compare, tmp_path: Path, name: str, size: tuple[int, int]) -> None:
    app = DashboardApp(recorded(tmp_path, story(name)), Options())
    assert snap_compare(app, terminal_size=size, run_before=shown)


def test_rollout_light_ascii(snap_compare: Compare, tmp_path: Path) -> None:
    app = DashboardApp(recorded(tmp_path, story("step")), Options(light=True, ascii=True))
    assert snap_compare(app, terminal_size=(120, 40), run_before=shown)


def test_a_decision(snap_compare: Compare, tmp_path: Path) -> None:
    async def opened(pilot: Pilot[None]) -> None:
        await shown(pilot)
        await press(pilot, "rollout.explain")
        await until(pilot, lambda: pilot.app.screen.query("#box"), "the decision")

    app = DashboardApp(recorded(tmp_path, story("rolled back")), Options())
    assert snap_compare(app, terminal_size=(80, 24), run_before=opened)
