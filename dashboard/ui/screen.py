"""What every screen shares: the header, the footer, and painting only while it is in front."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, cast

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from dashboard.ui.footer import Keys
from dashboard.ui.host import Host
from dashboard.ui.line_view import LineView
from dashboard.view import WIDE, View

TABS = (
    ("overview", "1 Overview"),
    ("traffic", "2 Traffic"),
    ("ab", "3 A/B"),
    ("rate_limit", "4 Rate limit"),
    ("checks", "5 Checks"),
    ("processes", "6 Processes"),
    ("rollout", "7 Rollout"),
)
"""Each screen and what its tab says."""


class Tabs(Static):
    """Name, address and the screens; a click shows one."""

    DEFAULT_CSS = """
    Tabs { height: 1; width: 1fr; background: $panel; color: $foreground 70%;
           link-style: none; link-style-hover: underline; link-color: $foreground 70%;
           link-background-hover: $panel; link-color-hover: $foreground; }
    """

    def __init__(self, current: str, url: str) -> None:
        super().__init__()
        self._current, self._url = current, url

    def on_resize(self, event: events.Resize) -> None:
        """As wide as there is room; the name is left out first: the screens are needed."""
        columns = event.size.width
        tabs = [text for _, text in TABS]
        name = f"Switchyard  {self._url}"
        gap = next((n for n in (3, 2) if len(f"{name}    {(' ' * n).join(tabs)} ") < columns), 0)
        if columns >= WIDE and gap:
            # The address is ours, but may hold brackets (IPv6).
            address = self._url.replace("[", r"\[")
            self.update(f" [bold $foreground]Switchyard[/]  {address}    {self._tabs(gap)}")
            return
        gap = next((n for n in (3, 2) if len(f" {(' ' * n).join(tabs)}  ? help") <= columns), 1)
        # The footer has no room left for it there.
        self.update(f" {self._tabs(gap)}  [@click=app.help]? help[/]")

    def _tabs(self, gap: int) -> str:
        return (" " * gap).join(
            f"[bold $accent]{text}[/]"
            if name == self._current
            else f"[@click=app.show('{name}')]{text}[/]"
            for name, text in TABS
        )


class DashboardScreen(Screen[None]):
    """One of the screens with a digit. Each says how it is drawn: `repaint`."""

    NAME = ""
    # Nothing has the focus until a person asks for it: letters are commands.
    AUTO_FOCUS = ""

    can_paint = False
    """Whether its widgets are there: a screen is in front a little earlier."""

    @property
    def dashboard(self) -> Host:
        """The app, with its type."""
        return cast(Host, self.app)

    def view(self, rows: int) -> View:
        """How the model is looked at now."""
        app = self.dashboard
        return View(self.size.width, rows, app.glyphs, app.window)

    @abstractmethod
    def repaint(self) -> None:
        """Draw what is known now."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hide what may not be done here."""
        return self.dashboard.may(action) and super().check_action(action, parameters)

    def action_stop_test(self) -> None:
        """Ask the test that runs to end."""
        self.dashboard.stop_job()

    def tabs(self) -> Tabs:
        """The first line."""
        return Tabs(self.NAME, self.dashboard.feed.model.url)

    def footer(self) -> Keys:
        """The last line."""
        return Keys()

    def on_mount(self) -> None:
        """The widgets are there."""
        self.can_paint = True
        self.call_after_refresh(self.repaint)

    def on_screen_resume(self) -> None:
        """It comes to the front: what it shows is from when it left."""
        if self.can_paint:
            self.call_after_refresh(self.repaint)

    def on_resize(self, _event: Any) -> None:
        """The lines are made for the size."""
        if self.can_paint:
            self.call_after_refresh(self.repaint)


class PictureScreen(DashboardScreen):
    """Header, one picture, footer. Each says what is in it: `draw`."""

    DEFAULT_CSS = "PictureScreen LineView { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        # Held, not looked up: a timer may come while the screen is being taken down.
        self.picture = LineView(id=self.NAME)

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield self.tabs()
        yield self.picture
        yield self.footer()

    def repaint(self) -> None:
        """Draw the model where there is room."""
        view = self.view(self.picture.size.height)
        if view.rows > 0:
            self.draw(view)

    @abstractmethod
    def draw(self, view: View) -> None:
        """Show in `picture` what is known now."""
