"""The Checks screen as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from textual.pilot import Pilot

from dashboard.events import Event
from dashboard.ui.app import DashboardApp
from dashboard.ui.options import Options
from tests.dashboard.checks_story import (
    AT,
    IDS,
    LISTED,
    all_passed,
    down,
    ended,
    mixed,
    outcome,
    ran,
    step,
)
from tests.dashboard.pictures import Compare, at_both_sizes, recorded
from tests.dashboard.screens import picture, until
from tests.dashboard.stories import WORKSPACE, all_fresh

pytestmark = pytest.mark.usefixtures("utc")

_LATER = list(all_fresh(AT + 10.0))
_KNOWN = [outcome(name, verdict, AT - 100) for name, verdict in mixed().items()]
STORIES: dict[str, Sequence[Event]] = {
    "listed": [step(LISTED), ended(AT), *_LATER],
    "passed": [*ran(all_passed()), ended(AT + 3.3), *_LATER],
    "mixed": [*ran(mixed()), ended(AT + 3.3), *_LATER],
    "running": [*ran(dict(list(mixed().items())[:4]), IDS, _KNOWN), *all_fresh(AT + 1.4)],
    "down": [*down(), *_LATER],
}


async def shown(pilot: Pilot[None]) -> None:
    """Until the screen is there, at the end of the recording."""
    await pilot.press("5")
    await until(pilot, lambda: pilot.app.screen.query("#checks"), "the screen")
    await until(pilot, lambda: "end of replay" in picture(pilot.app), "the end of the recording")


@at_both_sizes
@pytest.mark.parametrize("story", STORIES)
def test_checks(snap_compare: Compare, tmp_path: Path, story: str, size: tuple[int, int]) -> None:
    app = DashboardApp(recorded(tmp_path, [WORKSPACE, *STORIES[story]]), Options())
    assert snap_compare(app, terminal_size=size, run_before=shown)
