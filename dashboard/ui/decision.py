"""One decision of a rollout in full, over the screen."""

from __future__ import annotations

from typing import cast

from dashboard.lines import Line
from dashboard.rollout_explain_lines import in_short
from dashboard.ui.bindings import Scope, bindings
from dashboard.ui.box import BoxScreen
from dashboard.ui.host import Host
from dashboard.view import View
from rollout.status import Decided


class DecisionScreen(BoxScreen):
    """What is known at once; `more` adds what the decision log says."""

    BINDINGS = bindings(Scope.DECISION)
    ABOUT = "decision"

    def __init__(self, decided: Decided) -> None:
        super().__init__()
        self.decided = decided
        self._more: list[Line] = []

    def on_mount(self) -> None:
        """Draw what is known."""
        self._draw()

    def more(self, lines: list[Line]) -> None:
        """Below it, once it was read, which may be before the first picture."""
        self._more = lines
        if self.is_mounted:
            self._draw()

    def _draw(self) -> None:
        self.text.show([*in_short(self.decided, self.view()), *self._more])

    def view(self) -> View:
        """How much room there is."""
        glyphs = cast(Host, self.app).glyphs
        return View(self.app.size.width * 9 // 10 - 4, self.app.size.height, glyphs)
