"""The keys in the last line of a screen."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from textual.widgets._footer import FooterKey

from dashboard.ui.app import DashboardApp
from tests.dashboard.screens import dashboard, run, until

ROOM = [(80, 24), (113, 30), (200, 50)]


@pytest.mark.parametrize("size", ROOM)
def test_no_key_is_cut_off_and_help_is_there(size: tuple[int, int]) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        for mode in DashboardApp.MODES:
            await app.switch_mode(mode)
            await until(pilot, lambda: "help" in labels(app), f"the keys of {mode}")
            for key in app.screen.query(FooterKey):
                assert key.region.right <= size[0], (mode, key.description)

    run(dashboard(), test, size=size)


def test_with_more_room_there_are_more() -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "help" in labels(app), "the keys")
        assert "quit" not in labels(app)
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: "quit" in labels(app), "the keys that had no room")

    run(dashboard(), test, size=(60, 24))


def labels(app: DashboardApp) -> list[str]:
    return [key.description for key in app.screen.query(FooterKey)]
