"""Screen 3: is the second version better."""

from __future__ import annotations

import time
from copy import deepcopy
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.widgets import Input

from dashboard.ab_lines import ab_lines, ab_of, is_running
from dashboard.jobs.ab import CorpusJob, SentenceJob
from dashboard.jobs.ab_reports import write_reports
from dashboard.ui.bindings import Scope, bindings
from dashboard.ui.labelling import LabellingScreen
from dashboard.ui.screen import PictureScreen
from dashboard.view import View
from gateway.errors import ConfigurationError
from gateway.workload import load_workload
from probes.ab_report import Run

PAIRS = (100, 300, 1000, 3000, None)
"""How many a run may ask; None is the whole corpus."""
_DEFAULT = 2


class AbScreen(PictureScreen):
    """One picture, one widget: its lines are made by dashboard.ab_lines."""

    NAME = "ab"
    BINDINGS = bindings(Scope.AB)
    CSS = """
    AbScreen Input { display: none; height: 1; border: none; padding: 0 1; background: $panel; }
    AbScreen Input.-open { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._pairs = _DEFAULT
        self._line = Input(
            placeholder="a sentence for both versions", compact=True, max_length=2000, id="sentence"
        )

    def compose(self) -> ComposeResult:
        """Header, the line in which a sentence is typed, picture, footer."""
        yield self.tabs()
        yield self._line
        yield self.picture
        yield self.footer()

    def draw(self, view: View) -> None:
        """Draw the model."""
        app = self.dashboard
        model, now = app.shown
        pairs, may_ask = PAIRS[self._pairs], app.may("run_test")
        self.picture.show(ab_lines(model, view, now, app.state_words(now), pairs, may_ask))

    def action_run_test(self) -> None:
        """Pairs over the corpus."""
        root = self.dashboard.root
        if root is not None and self.dashboard.run_job(CorpusJob(root, PAIRS[self._pairs])):
            self.repaint()

    def action_pairs(self, by: int) -> None:
        """How many the next run asks."""
        self._pairs = max(0, min(len(PAIRS) - 1, self._pairs + by))
        self.repaint()

    def action_sentence(self) -> None:
        """Open the line in which a sentence is typed; the first time with the example."""
        root = self.dashboard.root
        if root is not None and not self._line.value:
            try:
                self._line.value = load_workload(root).example.text
            except ConfigurationError as error:
                self.notify(str(error), severity="error", markup=False)
        self._line.add_class("-open")
        self._line.focus()
        self._line.action_end()

    def action_close_line(self) -> None:
        """Close it; the sentence stays for the next time."""
        self._line.remove_class("-open")
        self.set_focus(None)

    def action_label(self) -> None:
        """Label the disagreements of the run, once it is over."""
        trial, state = ab_of(self.dashboard.feed.model)
        if is_running(trial, state.run):
            words = "the run goes on: label when it is over, or stop it with ."
            self.notify(words, severity="warning", markup=False)
        elif state.run is None or not state.run.tally.disagreements:
            self.notify("there is no disagreement to label", severity="warning")
        else:
            self.app.push_screen(LabellingScreen())

    def action_export(self) -> None:
        """Write what is on the screen: JSON and Markdown."""
        model, now = self.dashboard.shown
        trial, state = ab_of(model)
        if state.run is None:
            self.notify("there is no run to write down", severity="warning")
            return
        seconds = now - trial.begun if trial is not None else 0.0
        problem = trial.problem if trial is not None else ""
        # A copy: the run may go on while it is written.
        result = deepcopy(state.run.result(seconds, problem))
        # A replay has no workspace; the folder in which it was started will do.
        self._export(self.dashboard.root or Path.cwd(), result)

    @work(thread=True, exit_on_error=False, group="report")
    def _export(self, root: Path, result: Run) -> None:
        try:
            path = write_reports(root, result, time.time())
        except OSError as error:
            self._tell(f"the report cannot be written: {error}", failed=True)
        else:
            self._tell(f"written: {path} and {path.with_suffix('.json').name}")

    def _tell(self, words: str, *, failed: bool = False) -> None:
        severity = "error" if failed else "information"
        self.app.call_from_thread(self.notify, words, severity=severity, markup=False)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        root = self.dashboard.root
        if root is None or not event.value.strip():
            self.notify("there is nothing to ask", severity="warning")
        elif self.dashboard.run_job(SentenceJob(root, event.value)):
            self.action_close_line()
            self.repaint()
