"""Every key and what it does, from the one table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from dashboard.headline import wrapped
from dashboard.lines import Cell, Line, Tone
from dashboard.ui.bindings import Bindings, Key, Scope
from dashboard.ui.line_view import LineView

_NOTES = (
    "Every number is a count of lines in var/logs/access.jsonl: jq finds the same.",
    "Instances: p50 and p95 are their own time; the gateway's are those of the client.",
    "The verdict is always about the last minute, whatever window is on the screen.",
)
_WIDEST = 96
_KEY = 12
_FRAME = 4
"""Columns of the frame and of the bar that scrolls."""


def help_lines(keys: Sequence[Key], here: Scope, columns: int) -> list[Line]:
    """The text of the help: the keys of the screen `here` first, then those of all screens."""
    lines: list[Line] = []
    first = [here, Scope.EVERYWHERE]
    for scope in [*first, *(scope for scope in Scope if scope not in first)]:
        where = " (this screen)" if scope is here else ""
        lines.append((Cell(f" {scope.value}", Tone.STRONG), Cell(where, Tone.MUTED)))
        for key in keys:
            if key.scope is scope:
                lines += _key_lines(key, columns)
        lines.append(())
    for note in _NOTES:
        lines += [(Cell(f" {part}", Tone.MUTED),) for part in wrapped(note, columns - 1)]
    return lines


def _key_lines(key: Key, columns: int) -> list[Line]:
    indent = 3 + _KEY
    parts = wrapped(key.help, columns - indent)
    head = (Cell(f"   {key.shown:<{_KEY}}", Tone.ACCENT), Cell(parts[0]))
    return [head, *((Cell(" " * indent + part),) for part in parts[1:])]


class HelpScreen(ModalScreen[None]):
    """Closed by the keys that close everything."""

    BINDINGS: ClassVar[Bindings] = [
        Binding("escape,question_mark,q,enter", "close", "back", key_display="esc")
    ]
    CSS = f"""
    HelpScreen {{ align: center middle; }}
    HelpScreen VerticalScroll {{ width: 100%; max-width: {_WIDEST}; height: auto; max-height: 90%;
                                 background: $surface; border: round $foreground 40%; }}
    """

    def __init__(self, keys: Sequence[Key], here: Scope) -> None:
        super().__init__()
        self._keys, self._here = keys, here

    def compose(self) -> ComposeResult:
        """The lines."""
        with VerticalScroll() as box:
            box.border_title = "keys"
            box.border_subtitle = "up and down scroll, esc closes"
            yield LineView(id="help")

    def on_mount(self) -> None:
        """Draw; only another size of the terminal changes it."""
        self._draw()

    def on_resize(self) -> None:
        """The lines are made for the width."""
        self._draw()

    def _draw(self) -> None:
        columns = min(_WIDEST, self.app.size.width) - _FRAME
        self.query_one("#help", LineView).show(help_lines(self._keys, self._here, columns))

    def action_close(self) -> None:
        """Back."""
        self.dismiss()
