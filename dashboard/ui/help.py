"""Every key and what it does, from the one table."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from dashboard.lines import Cell, Line, Tone
from dashboard.ui.bindings import KEYS, Bindings, Scope
from dashboard.ui.line_view import LineView

_NOTES = (
    "Every number is a count of lines in var/logs/access.jsonl: jq finds the same.",
    "Instances: p50 and p95 are their own time; the gateway's are those of the client.",
    "The verdict is always about the last minute, whatever window is on the screen.",
)


def help_lines() -> list[Line]:
    """The text of the help."""
    lines: list[Line] = []
    for scope in Scope:
        lines.append((Cell(f" {scope.value}", Tone.STRONG),))
        lines += [
            (Cell(f"   {key.shown:<10}", Tone.ACCENT), Cell(key.help))
            for key in KEYS
            if key.scope is scope
        ]
        lines.append(())
    return [*lines, *((Cell(f" {note}", Tone.MUTED),) for note in _NOTES)]


class HelpScreen(ModalScreen[None]):
    """Closed by the keys that close everything."""

    BINDINGS: ClassVar[Bindings] = [
        Binding("escape,question_mark,q,enter", "close", "back", key_display="esc")
    ]
    CSS = """
    HelpScreen { align: center middle; }
    HelpScreen VerticalScroll { width: 78; height: auto; max-height: 90%;
                                background: $surface; border: round $foreground 40%; }
    """

    def compose(self) -> ComposeResult:
        """The lines."""
        with VerticalScroll() as box:
            box.border_title = "keys"
            box.border_subtitle = "esc closes"
            yield LineView(id="help")

    def on_mount(self) -> None:
        """Draw; it never changes."""
        self.query_one("#help", LineView).show(help_lines())

    def action_close(self) -> None:
        """Back."""
        self.dismiss()
