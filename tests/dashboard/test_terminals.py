"""What a terminal can show, and how fast it takes it."""

from __future__ import annotations

import io
from queue import Queue
from types import SimpleNamespace
from typing import Any

import pytest
from textual.color import Color
from textual.drivers._writer_thread import WriterThread
from textual.pilot import Pilot

from dashboard.lines import Tone
from dashboard.ui.app import DashboardApp
from dashboard.ui.line_view import LineView
from tests.dashboard.screens import NOW, StillFeed, dashboard, picture, run, until
from tests.dashboard.stories import hit

READABLE = 4.5
"""The contrast that WCAG 2 asks of text (AA)."""


def _luminance(color: Any) -> float:
    """As WCAG 2 defines it."""
    parts = [part / 255 for part in Color.from_rich_color(color).rgb]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: Any, other: Any) -> float:
    lower, higher = sorted([_luminance(one), _luminance(other)])
    return (higher + 0.05) / (lower + 0.05)


@pytest.mark.parametrize("light", [False, True])
def test_every_tone_can_be_read(light: bool) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        view = app.screen.query_one(LineView)
        await until(pilot, lambda: app.theme.endswith("light") == light, "the theme")
        for tone in Tone:
            style = view.get_component_rich_style(f"line--{tone.value}")
            assert _contrast(style.color, style.bgcolor) >= READABLE, tone

    run(dashboard(light=light), test)


def test_a_slow_terminal_is_not_sent_more_pictures() -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        assert isinstance(app.feed, StillFeed)
        slow: Queue[str] = Queue()
        slow.put("a picture that it has not taken")
        driver: Any = app._driver
        driver._writer_thread = SimpleNamespace(_queue=slow)
        before = picture(app)
        app.feed.add(*(hit(NOW, "v2-1", 500) for _ in range(7)))
        app.tick()
        assert picture(app) == before
        # What a key asks for is shown all the same.
        await pilot.press("space")
        assert "FROZEN" in picture(app)
        await pilot.press("space")
        slow.get()
        app.feed.add(hit(NOW, "v2-1", 500))
        await until(pilot, lambda: "5xx 8" in picture(app), "what came meanwhile")

    run(dashboard(), test)


def test_textual_still_says_what_the_terminal_has_not_taken() -> None:
    writer = WriterThread(io.StringIO())
    assert writer._queue.empty()
    writer.write("a picture")
    assert not writer._queue.empty()
