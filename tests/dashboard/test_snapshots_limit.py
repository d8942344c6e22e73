"""The Rate limit screen as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from textual.pilot import Pilot

from dashboard.events import Event
from dashboard.ui.app import DashboardApp
from dashboard.ui.options import Options
from probes.ratelimit import Plan
from tests.dashboard.limit_story import AT, READ, as_expected, before, begun, burst, ended, step
from tests.dashboard.pictures import Compare, at_both_sizes, recorded
from tests.dashboard.screens import picture, until
from tests.dashboard.stories import WORKSPACE, all_fresh

pytestmark = pytest.mark.usefixtures("utc")

_LATER = list(all_fresh(AT + 1.0))
_RATE = Plan(120, 15.0)
STORIES: dict[str, Sequence[Event]] = {
    "read": [step(READ), ended(), *_LATER],
    "passed": [*begun(Plan(42), as_expected(Plan(42)), *before()), ended(), *_LATER],
    "failed": [*begun(Plan(42), burst([200] * 30 + [429] * 12)), ended(), *_LATER],
    "sending": [*begun(_RATE, as_expected(_RATE)[:77]), *all_fresh(AT + 5.2)],
}


async def shown(pilot: Pilot[None]) -> None:
    """Until the screen is there, at the end of the recording."""
    await pilot.press("4")
    await until(pilot, lambda: "servers.conf:84" in picture(pilot.app), "the limit")
    await until(pilot, lambda: "end of replay" in picture(pilot.app), "the end of the recording")


@at_both_sizes
@pytest.mark.parametrize("story", STORIES)
def test_rate_limit(
    snap_compare: Compare, tmp_path: Path, story: str, size: tuple[int, int]
) -> None:
    app = DashboardApp(recorded(tmp_path, [WORKSPACE, *STORIES[story]]), Options())
    assert snap_compare(app, terminal_size=size, run_before=shown)
