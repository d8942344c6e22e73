"""A text in a box over the screen, as long as it must be, with the keys below it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Footer

from dashboard.ui.line_view import LineView


class BoxScreen(ModalScreen[None]):
    """Whoever derives from it shows lines in `text` and says how many columns they may take."""

    ABOUT: ClassVar[str]
    """In the frame."""
    DEFAULT_CSS = """
    BoxScreen { align: center middle; }
    BoxScreen VerticalScroll { width: 90%; height: auto; max-height: 90%;
                               background: $surface; border: round $foreground 40%; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.text = LineView(id="box")

    def compose(self) -> ComposeResult:
        """The lines and the keys."""
        with VerticalScroll() as box:
            box.border_title = self.ABOUT
            self.watch(box, "show_vertical_scrollbar", self._say_whether_it_scrolls, False)
            yield self.text
        yield Footer(show_command_palette=False, compact=True)

    def _say_whether_it_scrolls(self, scrolls: bool) -> None:
        box = self.query_one(VerticalScroll)
        box.border_subtitle = "up and down scroll" if scrolls else None

    def action_close(self) -> None:
        """Back."""
        self.dismiss()
