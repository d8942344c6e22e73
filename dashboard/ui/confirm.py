"""A question over the screen, answered with yes or no."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Footer

from dashboard.headline import wrapped
from dashboard.lines import Cell, Line, Tone
from dashboard.process_questions import Question
from dashboard.ui.bindings import Scope, bindings
from dashboard.ui.line_view import LineView

_COLUMNS = 64


class ConfirmScreen(ModalScreen[bool]):
    """Whether a person says yes. Nothing but `y` is one."""

    BINDINGS = bindings(Scope.CONFIRM)
    CSS = f"""
    ConfirmScreen {{ align: center middle; background: $background 60%; }}
    ConfirmScreen Vertical {{ width: {_COLUMNS + 6}; max-width: 100%; height: auto;
                              background: $surface; border: round $warning; padding: 0 1; }}
    """

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question

    def compose(self) -> ComposeResult:
        """The question and the keys."""
        with Vertical() as box:
            box.border_title = "sure?"
            yield LineView(id="confirm")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Draw; it never changes."""
        asked: list[Line] = [
            (Cell(part, Tone.STRONG),) for part in wrapped(self.question.text, _COLUMNS)
        ]
        asked += [(Cell(part),) for part in wrapped(self.question.consequence, _COLUMNS)]
        keys = (Cell("y", Tone.ACCENT), Cell(" yes     "), Cell("n", Tone.ACCENT), Cell(" no"))
        self.query_one("#confirm", LineView).show([*asked, (), keys])

    def action_answer(self, yes: bool) -> None:
        """Close with the answer."""
        self.dismiss(yes)
