"""The pictures of the README, made from docs/demo.jsonl: `python -m scripts.screenshots`.

A test compares what stands in docs/ with what this makes.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from dashboard.lines import plain
from dashboard.replay import ReplayFeed
from dashboard.ui.app import DashboardApp
from dashboard.ui.line_view import LineView
from dashboard.ui.options import Options

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "docs/demo.jsonl"
SIZE = (120, 40)
_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Picture:
    """One screen at one moment of the recording."""

    file: str
    """Below docs/."""
    key: str
    """Which screen."""
    at_s: float
    """Seconds since the recording began."""
    words: str
    """They stand on the screen when it is drawn."""


PICTURES = (
    Picture("overview.svg", "1", 53.0, "DEGRADED"),
    Picture("ab.svg", "3", 60.0, "150 of 150 pairs"),
)


def draw(picture: Picture) -> str:
    """The screen as SVG; the same each time in the same time zone.

    Raises TimeoutError, BadRecording, OSError.
    """
    return asyncio.run(_draw(picture))


def main() -> int:
    """Write them all."""
    for picture in PICTURES:
        path = ROOT / "docs" / picture.file
        path.write_text(draw(picture), encoding="utf-8")
        sys.stderr.write(f"screenshots: {path.relative_to(ROOT)}\n")
    return 0


async def _draw(picture: Picture) -> str:
    # A clock that jumps to the moment and stands still there.
    positions = iter([0.0])
    feed = ReplayFeed(DEMO, 1.0, lambda: next(positions, picture.at_s))
    app = DashboardApp(feed, Options())
    async with app.run_test(size=SIZE) as pilot:
        deadline = time.monotonic() + _WAIT_S
        while feed.advance() or picture.words not in _text(app):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{picture.file}: {picture.words!r} did not come")
            await pilot.press(picture.key)
        app.repaint()
        await pilot.pause()
        return app.export_screenshot(title="Switchyard")


def _text(app: DashboardApp) -> str:
    views = app.screen.query(LineView)
    return "\n".join(plain(line) for view in views for line in view.lines)


def _fixed_time_zone() -> None:
    os.environ["TZ"] = "UTC"
    time.tzset()


if __name__ == "__main__":
    _fixed_time_zone()
    raise SystemExit(main())
