"""Draws lines of cells, and of these only what has changed since the last time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from dashboard.lines import Line, Tone


class LineView(Widget):
    """A rectangle of text. It holds no state but what was last drawn."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"line--{tone.value}" for tone in Tone} | {
        "line--cursor"
    }
    DEFAULT_CSS = """
    LineView { height: auto; width: 1fr; }
    LineView > .line--normal { color: $foreground; }
    LineView > .line--muted { color: $foreground 60%; }
    LineView > .line--strong { color: $foreground; text-style: bold; }
    LineView > .line--accent { color: $accent; }
    LineView > .line--good { color: $success; }
    LineView > .line--warn { color: $warning; text-style: bold; }
    LineView > .line--bad { color: $error; text-style: bold; }
    LineView > .line--cursor { background: $foreground 15%; }
    LineView:light > .line--muted { color: $foreground 72%; }
    LineView:light > .line--cursor { background: $foreground 8%; }
    """

    class Picked(Message):
        """A line was clicked."""

        def __init__(self, view: LineView, line: int) -> None:
            super().__init__()
            self.view = view
            self.line = line

        @property
        def control(self) -> LineView:
            """The view, for `on(LineView.Picked, selector)`."""
            return self.view

    class Scrolled(Message):
        """The wheel was turned, `lines` down."""

        def __init__(self, view: LineView, lines: int) -> None:
            super().__init__()
            self.view = view
            self.lines = lines

        @property
        def control(self) -> LineView:
            """The view."""
            return self.view

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.lines: tuple[Line, ...] = ()
        self._cursor: int | None = None
        self._styles: dict[Tone, Style] | None = None
        self._cursor_style = Style()

    def show(self, lines: Sequence[Line], cursor: int | None = None) -> None:
        """Draw these lines; `cursor` is the one that is marked."""
        before, marked = self.lines, self._cursor
        self.lines, self._cursor = tuple(lines), cursor
        if len(before) != len(self.lines) and self.styles.height and self.styles.height.is_auto:
            self.refresh(layout=True)
            return
        width = self.size.width
        changed = [
            Region(0, y, width, 1)
            for y in range(max(len(before), len(self.lines)))
            if _line(before, y) != _line(self.lines, y)
            or (marked != cursor and y in (marked, cursor))
        ]
        if changed:
            self.refresh(*changed)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """As many rows as there are lines."""
        return len(self.lines)

    def notify_style_update(self) -> None:
        """The theme has changed."""
        super().notify_style_update()
        self._styles = None

    def render_line(self, y: int) -> Strip:
        """One row, in the colours of the theme."""
        if self._styles is None:
            self._styles = {
                tone: self.get_component_rich_style(f"line--{tone.value}") for tone in Tone
            }
            self._cursor_style = Style(
                bgcolor=self.get_component_rich_style("line--cursor").bgcolor, bold=True
            )
        styles = self._styles
        cells = _line(self.lines, y)
        base = self.rich_style
        if y == self._cursor:
            mark = self._cursor_style
            segments = [Segment(cell.text, styles[cell.tone] + mark) for cell in cells]
            base += mark
        else:
            segments = [Segment(cell.text, styles[cell.tone]) for cell in cells]
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def on_click(self, event: events.Click) -> None:
        """Say which line it was."""
        self.post_message(self.Picked(self, event.y))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Say so."""
        self.post_message(self.Scrolled(self, 3))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Say so."""
        self.post_message(self.Scrolled(self, -3))


def _line(lines: Sequence[Line], y: int) -> Line:
    return lines[y] if y < len(lines) else ()
