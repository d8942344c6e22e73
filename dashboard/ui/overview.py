"""Screen 1: is it well, and who answers how much."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual import on, work

from dashboard.events import ExperimentState
from dashboard.present import instance_names, overview
from dashboard.ui.bindings import Scope, bindings
from dashboard.ui.line_view import LineView
from dashboard.ui.screen import PictureScreen
from dashboard.view import View

if TYPE_CHECKING:
    from probes.canary_change import Wanted


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

    def action_weigh(self) -> None:
        """Ask for the share of the second version, then give it that."""
        from dashboard.experiment_questions import weight_question
        from dashboard.ui.weight import WeightScreen
        from probes.canary_change import Wanted

        root = self.dashboard.root

        def answered(weight: int | None) -> None:
            if root is not None and weight is not None:
                self._change(root, Wanted(weight=weight) if weight else Wanted(off=True))

        self.app.push_screen(WeightScreen(weight_question(self.dashboard.feed.model)), answered)

    def action_drain(self) -> None:
        """Ask, then take the chosen instance out of service, or back."""
        from dashboard.experiment_questions import drain_question
        from dashboard.ui.confirm import ConfirmScreen
        from probes.canary_change import Wanted

        root, feed = self.dashboard.root, self.dashboard.feed
        name = None if self._chosen is None else self._names()[self._rows()[self._chosen]]
        if root is None or not any(each.name == name for each in feed.model.instances):
            self.notify("first choose an instance, with up and down", severity="warning")
            return
        again = name == feed.model.drained
        wanted = Wanted(undrain=name) if again else Wanted(drain=name)

        def answered(yes: bool | None) -> None:
            if yes:
                self._change(root, wanted)

        question = drain_question(feed.model, str(name), feed.now())
        self.app.push_screen(ConfirmScreen(question), answered)

    @work(thread=True, exit_on_error=False, group="experiment")
    def _change(self, root: Path, wanted: Wanted) -> None:
        from dashboard.jobs.experiment import change_experiment

        feed = self.dashboard.feed
        after, words = change_experiment(root, wanted)
        if after is not None:
            # Not only when nginx is asked the next time.
            state = ExperimentState(feed.now(), after.weight, after.shadow, after.drained)
            feed.post(state)
        severity = "error" if after is None else "information"
        self.app.call_from_thread(self.notify, words, severity=severity, markup=False)

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
