"""The screens as pictures, from a recording and with a clock that stands still."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from textual.app import App
from textual.pilot import Pilot

from dashboard.record import RecordingWriter
from dashboard.replay import ReplayFeed
from dashboard.ui.app import DashboardApp, Options
from tests.dashboard.screens import picture, until
from tests.dashboard.stories import busy_minute

SIZES = [(80, 24), (120, 40)]


class Compare(Protocol):
    """The fixture of pytest-textual-snapshot."""

    def __call__(
        self,
        app: App[None],
        *,
        terminal_size: tuple[int, int],
        run_before: Callable[[Pilot[None]], Awaitable[None]],
    ) -> bool: ...


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def feed(tmp_path: Path) -> ReplayFeed:
    """A minute and a half, folded at once."""
    path = tmp_path / "story.jsonl"
    writer = RecordingWriter(path)
    for event in busy_minute():
        writer.write(event)
    writer.close()
    return ReplayFeed(path, float("inf"))


async def whole(pilot: Pilot[None]) -> None:
    await until(pilot, lambda: "end of replay" in picture(pilot.app), "the end of the recording")


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
def test_overview(snap_compare: Compare, feed: ReplayFeed, size: tuple[int, int]) -> None:
    app = DashboardApp(feed, Options())
    assert snap_compare(app, terminal_size=size, run_before=whole)


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
def test_traffic(snap_compare: Compare, feed: ReplayFeed, size: tuple[int, int]) -> None:
    async def before(pilot: Pilot[None]) -> None:
        await whole(pilot)
        await pilot.press("2")
        await until(pilot, lambda: "POST /pre" in picture(pilot.app), "the list")
        await pilot.press("down", "down")

    app = DashboardApp(feed, Options())
    assert snap_compare(app, terminal_size=size, run_before=before)


def test_overview_light_ascii(snap_compare: Compare, feed: ReplayFeed) -> None:
    app = DashboardApp(feed, Options(light=True, ascii=True))
    assert snap_compare(app, terminal_size=(120, 40), run_before=whole)
