"""Screen 1: is it well, and who answers how much."""

from __future__ import annotations

from textual import on

from dashboard.present import instance_names, overview
from dashboard.ui.bindings import Scope, bindings
from dashboard.ui.line_view import LineView
from dashboard.ui.screen import PictureScreen
from dashboard.view import View


class OverviewScreen(PictureScreen):
    """One picture, one widget: its lines are made by dashboard.present."""

    NAME = "overview"
    BINDINGS = bindings(Scope.OVERVIEW)

    def __init__(self) -> None:
        super().__init__()
        self._chosen: int | None = None

    def draw(self, view: View) -> None:
        """Draw the model."""
        app = self.dashboard
        model, now = app.shown
        cursor = None
        if self._chosen is not None:
            rows = self._rows()
            self._chosen = min(self._chosen, len(rows) - 1)
            cursor = rows[self._chosen]
        self.picture.show(overview(model, view, now, app.state_words(now)), cursor)

    def action_move(self, by: int) -> None:
        """Choose the next row of the table; the first time the first one."""
        last = len(self._rows()) - 1
        self._chosen = 0 if self._chosen is None else max(0, min(last, self._chosen + by))
        self.repaint()

    def action_open(self) -> None:
        """The requests of the chosen row."""
        self._open(self._rows()[self._chosen or 0])

    @on(LineView.Picked)
    def _picked(self, event: LineView.Picked) -> None:
        if event.line in self._rows():
            self._open(event.line)

    def _open(self, line: int) -> None:
        from dashboard.filters import parse_filter

        name = self._names()[line]
        self.dashboard.show_traffic(parse_filter(f"inst={name}"))

    def _names(self) -> list[str | None]:
        return instance_names(self.dashboard.shown[0], self.view(0))

    def _rows(self) -> list[int]:
        """The lines that are rows of the table."""
        return [line for line, name in enumerate(self._names()) if name is not None]
