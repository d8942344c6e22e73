"""The application on a feed that stands still, and waiting for what it shows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic

from textual.pilot import Pilot

from dashboard.events import Event
from dashboard.lines import plain
from dashboard.model import Model
from dashboard.ui.app import DashboardApp
from dashboard.ui.bindings import KEYS
from dashboard.ui.line_view import LineView
from dashboard.ui.options import Options
from dashboard.ui.traffic import TrafficScreen
from tests.dashboard.stories import START, busy_minute

NOW = START + 89.95
WAIT_S = 20.0


class StillFeed:
    """A model at one moment. A test adds events when it wants to."""

    label = "live"

    def __init__(self, now: float = NOW) -> None:
        self.model = Model()
        self.at = now
        self.started = self.stopped = False
        for event in busy_minute():
            self.model.apply(event)

    def start(self) -> None:
        self.started = True

    def advance(self) -> bool:
        return False

    def now(self) -> float:
        return self.at

    def stop(self) -> None:
        self.stopped = True

    def post(self, event: Event) -> None:
        self.model.apply(event)

    def add(self, *events: Event) -> None:
        """As if a source had delivered."""
        for event in events:
            self.model.apply(event)


def dashboard(
    *,
    root: Path | None = None,
    read_only: bool = False,
    ascii_only: bool = False,
    light: bool = False,
) -> DashboardApp:
    """The application on such a feed."""
    options = Options(root=root, read_only=read_only, ascii=ascii_only, light=light)
    return DashboardApp(StillFeed(), options)


Test = Callable[[DashboardApp, "Pilot[None]"], Awaitable[None]]


def run(app: DashboardApp, test: Test, size: tuple[int, int] = (120, 40)) -> None:
    """Run `test` with the application on a screen of that size."""

    async def inside() -> None:
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: bool(picture(app)), "the first picture")
            await test(app, pilot)

    asyncio.run(inside())


async def until(pilot: Pilot[None], condition: Callable[[], object], what: str) -> None:
    """Let the application work until `condition` holds. Fails after WAIT_S."""
    deadline = monotonic() + WAIT_S
    while not condition():
        assert monotonic() < deadline, f"{what} did not come; the screen:\n{picture(pilot.app)}"
        await pilot.pause()


def picture(app: object) -> str:
    """The text in the screen in front."""
    assert isinstance(app, DashboardApp)
    return "\n".join(plain(line) for view in app.screen.query(LineView) for line in view.lines)


async def press(pilot: Pilot[None], *ids: str) -> None:
    """Press the first key of each binding."""
    keys = {key.id: key.keys.split(",")[0] for key in KEYS}
    for name in ids:
        await pilot.press(keys[name])


async def open_traffic(app: DashboardApp, pilot: Pilot[None]) -> TrafficScreen:
    await press(pilot, "nav.traffic")
    await until(pilot, lambda: isinstance(app.screen, TrafficScreen), "Traffic")
    await until(pilot, lambda: "POST /predict" in picture(app), "the list")
    assert isinstance(app.screen, TrafficScreen)
    return app.screen
