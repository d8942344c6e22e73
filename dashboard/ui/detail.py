"""One request in full, over the list."""

from __future__ import annotations

from typing import cast

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Footer

from dashboard.detail import as_json, curl, detail
from dashboard.ui.bindings import Scope, bindings
from dashboard.ui.host import Host
from dashboard.ui.line_view import LineView
from gateway.accesslog import Access


class DetailScreen(ModalScreen[None]):
    """Every field of the log line, and the command that repeats the request."""

    BINDINGS = bindings(Scope.DETAIL)
    CSS = """
    DetailScreen { align: center middle; }
    DetailScreen VerticalScroll { width: 90%; height: auto; max-height: 90%;
                                  background: $surface; border: round $foreground 40%; }
    """

    def __init__(self, access: Access) -> None:
        super().__init__()
        self.access = access

    def compose(self) -> ComposeResult:
        """The lines and the keys."""
        with VerticalScroll() as box:
            box.border_title = "request"
            yield LineView(id="detail")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Draw; it never changes."""
        app = cast(Host, self.app)
        lines = detail(self.access, app.feed.model.url, app.body, self.size.width * 9 // 10 - 6)
        self.query_one("#detail", LineView).show(lines)

    def action_copy(self, what: str) -> None:
        """To the clipboard."""
        app = cast(Host, self.app)
        model = app.feed.model
        text = curl(self.access, model.url, app.body) if what == "curl" else as_json(self.access)
        app.copy(text, what)

    def action_close(self) -> None:
        """Back to the list."""
        self.dismiss()
