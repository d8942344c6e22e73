"""The last line of a screen: as many of its keys as there is room for, none of them cut."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import Footer

from dashboard.lines import width

_HELP = "help"
"""What says all of them must not be one that is left out."""


class Keys(Footer):
    """Textual's footer, but for keys at its end that would be cut off."""

    def __init__(self) -> None:
        super().__init__(show_command_palette=False, compact=True)
        self._made_for = 0

    def compose(self) -> ComposeResult:
        """Those that fit, in the order of the table."""
        self._made_for = self.app.size.width
        keys = list(super().compose())
        room = self._made_for - sum(_columns(key) for key in keys if _is_help(key))
        for key in keys:
            if not _is_help(key):
                room -= _columns(key)
            # Whatever comes after one without room would look as if it belonged there.
            if room >= 0 or _is_help(key):
                yield key

    def on_resize(self, event: events.Resize) -> None:
        """Another width has room for others."""
        if event.size.width != self._made_for:
            self.call_after_refresh(self.recompose)


def _is_help(key: Widget) -> bool:
    return getattr(key, "action", "") == _HELP


def _columns(key: Widget) -> int:
    """Key, blank, label and the blank after it."""
    shown = getattr(key, "key_display", ""), getattr(key, "description", "")
    return sum(width(text) + 1 for text in shown)
