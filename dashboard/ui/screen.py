"""What every screen shares: the header, the footer, and painting only while it is in front."""

from __future__ import annotations

from typing import Any, cast

from textual.screen import Screen
from textual.widgets import Footer, Static

from dashboard.ui.host import Host
from dashboard.view import View

TABS = (("overview", "1 Overview"), ("traffic", "2 Traffic"))
"""Each screen and what its tab says."""


class Tabs(Static):
    """Name, address and the screens; a click shows one."""

    DEFAULT_CSS = """
    Tabs { height: 1; width: 1fr; background: $panel; color: $foreground 70%;
           link-style: none; link-style-hover: underline; link-color: $foreground 70%;
           link-background-hover: $panel; link-color-hover: $foreground; }
    """

    def __init__(self, current: str, url: str) -> None:
        # The address is ours, but may hold brackets (IPv6).
        address = url.replace("[", r"\[")
        tabs = "   ".join(
            f"[bold $accent]{text}[/]"
            if name == current
            else f"[@click=app.show('{name}')]{text}[/]"
            for name, text in TABS
        )
        super().__init__(f" [bold $foreground]Switchyard[/]  {address}    {tabs}")


class DashboardScreen(Screen[None]):
    """One of the screens with a digit."""

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

    def repaint(self) -> None:
        """Draw what is known now."""
        raise NotImplementedError

    def tabs(self) -> Tabs:
        """The first line."""
        return Tabs(self.NAME, self.dashboard.feed.model.url)

    def footer(self) -> Footer:
        """The last line."""
        return Footer(show_command_palette=False, compact=True)

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
