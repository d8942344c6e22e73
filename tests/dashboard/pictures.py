"""Pictures of a screen at both sizes, from a recording whose clock stands still."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Protocol

import pytest
from textual.app import App
from textual.pilot import Pilot

from dashboard.events import Event
from dashboard.record import RecordingWriter
from dashboard.replay import ReplayFeed
from tests.dashboard.screens import picture, until

at_both_sizes = pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])


class Compare(Protocol):
    """The fixture of pytest-textual-snapshot."""

    def __call__(
        self,
        app: App[None],
        *,
        terminal_size: tuple[int, int],
        run_before: Callable[[Pilot[None]], Awaitable[None]],
    ) -> bool: ...


def recorded(folder: Path, events: Iterable[Event]) -> ReplayFeed:
    """The events, written, read back, and folded at once."""
    path = folder / "story.jsonl"
    writer = RecordingWriter(path)
    for event in events:
        writer.write(event)
    writer.close()
    return ReplayFeed(path, float("inf"))


async def whole(pilot: Pilot[None]) -> None:
    """Until the whole recording is on the screen, which must say where it is."""
    await until(pilot, lambda: "end of replay" in picture(pilot.app), "the end of the recording")
