"""Screen 2: the requests as they come, and those that a filter leaves."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from dashboard.detail import as_json, curl
from dashboard.filters import NGINX, Filter, FilterError, Term, parse_filter
from dashboard.traffic import Selection, select, summary, table_head, table_row
from dashboard.ui.bindings import Scope, bindings
from dashboard.ui.detail import DetailScreen
from dashboard.ui.line_view import LineView
from dashboard.ui.screen import DashboardScreen
from gateway.accesslog import Access


class TrafficScreen(DashboardScreen):
    """A list that follows the latest request until a person moves in it."""

    NAME = "traffic"
    BINDINGS = bindings(Scope.TRAFFIC)
    CSS = """
    TrafficScreen #table { height: 1fr; }
    TrafficScreen #summary { height: 4; margin-top: 1; }
    TrafficScreen #head { height: 1; }
    TrafficScreen Input { display: none; height: 1; border: none; padding: 0 1; }
    TrafficScreen Input.-open { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.filter = Filter()
        self.selection = Selection((), 0)
        self.chosen: Access | None = None
        """The request under the cursor; None while the list follows the latest."""
        self._top = 0
        # Held, not looked up: a timer may come while the screen is being taken down.
        self._summary = LineView(id="summary")
        self._head = LineView(id="head")
        self._table = LineView(id="table")

    def compose(self) -> ComposeResult:
        """Summary, list, and the line in which a filter is typed."""
        yield self.tabs()
        yield self._summary
        yield self._head
        yield self._table
        yield Input(placeholder="status>=400 inst:v2 user:admin", compact=True, id="filter")
        yield self.footer()

    def repaint(self) -> None:
        """Select again and draw what fits."""
        rows = self._table.size.height
        if rows <= 0:
            return
        app, view = self.dashboard, self.view(rows)
        model, now = app.shown
        self.selection = select(model, self.filter, app.window, now)
        index = self._index()
        if index is None:
            self.chosen, self._top = None, 0
        else:
            self._top = max(0, min(max(self._top, index - rows + 1), index))
        page = self.selection.requests[self._top : self._top + rows]
        lines = summary(model, view, now, self.selection, self.filter, app.state_words(now))
        self._summary.show(lines)
        self._head.show([table_head(view)])
        cursor = None if index is None else index - self._top
        self._table.show([table_row(model, view, access) for access in page], cursor)

    def set_filter(self, wanted: Filter) -> None:
        """Show what passes `wanted`, from the latest on."""
        self.filter, self.chosen = wanted, None
        if self.can_paint:
            self.repaint()

    def action_move(self, by: int) -> None:
        """Move the cursor; the list stays with that request."""
        requests = self.selection.requests
        if not requests:
            return
        index = self._index()
        index = 0 if index is None else max(0, min(len(requests) - 1, index + by))
        self.chosen = requests[index]
        self.repaint()

    def action_latest(self) -> None:
        """Follow the latest request."""
        self.chosen = None
        self.repaint()

    def action_open(self) -> None:
        """The chosen request in full, else the latest."""
        access = self._current()
        if access is not None:
            self.app.push_screen(DetailScreen(access))

    def action_drill(self, field: str) -> None:
        """Narrow the filter to what the chosen request has in `field`."""
        access = self._current()
        if access is None:
            return
        values = {
            "status": str(access.status),
            "inst": self.dashboard.shown[0].answered_by(access) or NGINX,
            "user": access.user_id or access.remote_user,
        }
        if values[field]:
            self.set_filter(self.filter.with_term(Term(field, "=", values[field])))

    def action_copy(self, what: str) -> None:
        """The chosen request to the clipboard."""
        access = self._current()
        if access is not None:
            app = self.dashboard
            model = app.feed.model
            text = curl(access, model.url, app.body) if what == "curl" else as_json(access)
            app.copy(text, what)

    def action_filter(self) -> None:
        """Open the line in which a filter is typed."""
        line = self.query_one(Input)
        line.value = str(self.filter)
        line.add_class("-open")
        line.focus()

    def action_clear(self) -> None:
        """Close that line; if it is closed, take the filter away."""
        if self._close_line():
            return
        self.set_filter(Filter())

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        try:
            wanted = parse_filter(event.value)
        except FilterError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self._close_line()
        self.set_filter(wanted)

    @on(LineView.Picked, "#table")
    def _picked(self, event: LineView.Picked) -> None:
        index = self._top + event.line
        if index < len(self.selection.requests):
            access = self.selection.requests[index]
            if access is self.chosen:
                self.action_open()
            else:
                self.chosen = access
                self.repaint()

    @on(LineView.Scrolled)
    def _scrolled(self, event: LineView.Scrolled) -> None:
        self.action_move(event.lines)

    def _close_line(self) -> bool:
        line = self.query_one(Input)
        was_open = line.has_class("-open")
        line.remove_class("-open")
        self.set_focus(None)
        return was_open

    def _current(self) -> Access | None:
        if self.chosen is not None:
            return self.chosen
        return next(iter(self.selection.requests), None)

    def _index(self) -> int | None:
        if self.chosen is None:
            return None
        requests = self.selection.requests
        return next((i for i, access in enumerate(requests) if access is self.chosen), None)
