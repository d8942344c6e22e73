"""One request in full, over the list."""

from __future__ import annotations

from typing import cast

from dashboard.detail import as_json, curl, detail
from dashboard.ui.bindings import Scope, bindings
from dashboard.ui.box import BoxScreen
from dashboard.ui.host import Host
from gateway.accesslog import Access


class DetailScreen(BoxScreen):
    """Every field of the log line, and the command that repeats the request."""

    BINDINGS = bindings(Scope.DETAIL)
    ABOUT = "request"

    def __init__(self, access: Access) -> None:
        super().__init__()
        self.access = access

    def on_mount(self) -> None:
        """Draw; it never changes."""
        app = cast(Host, self.app)
        lines = detail(self.access, app.feed.model.url, app.body, self.size.width * 9 // 10 - 6)
        self.text.show(lines)

    def action_copy(self, what: str) -> None:
        """To the clipboard."""
        app = cast(Host, self.app)
        model = app.feed.model
        text = curl(self.access, model.url, app.body) if what == "curl" else as_json(self.access)
        app.copy(text, what)
