"""Screen 5: every promise of the stack, tried out."""

from __future__ import annotations

from pathlib import Path

from textual import on, work

from dashboard.checks_lines import checks, chosen_row, rows, trial_of
from dashboard.jobs.aside import tell
from dashboard.jobs.checks import RunChecks, list_checks
from dashboard.trials.base import TrialName
from dashboard.trials.checks import Promise
from dashboard.ui.bindings import Scope, bindings
from dashboard.ui.line_view import LineView
from dashboard.ui.screen import PictureScreen
from dashboard.view import View


class ChecksScreen(PictureScreen):
    """A list with a cursor; what is known comes from the model."""

    NAME = "checks"
    BINDINGS = bindings(Scope.CHECKS)

    def __init__(self) -> None:
        super().__init__()
        self._wanted: str | None = None
        self._ids: tuple[str | None, ...] = ()

    def on_screen_resume(self) -> None:
        """What the files say may have changed while another screen was in front."""
        super().on_screen_resume()
        root = self.dashboard.root
        if root is not None:
            self._list(root)

    @work(thread=True, exclusive=True, exit_on_error=False, group="checks")
    def _list(self, root: Path) -> None:
        feed = self.dashboard.feed
        self.app.call_from_thread(tell, feed, TrialName.CHECKS, list_checks(root))

    def draw(self, view: View) -> None:
        """Draw the model."""
        app = self.dashboard
        model, now = app.shown
        words, may_run = app.state_words(now), app.may("run_test")
        picture = checks(model, view, now, self._wanted, words, may_run)
        self._ids = picture.ids
        self.picture.show(picture.lines, picture.cursor)

    @property
    def chosen(self) -> Promise | None:
        """The check under the cursor; None while there is no list."""
        _, state = trial_of(self.dashboard.shown[0])
        return chosen_row(state, self._wanted)

    def action_move(self, by: int) -> None:
        """Choose the next check."""
        ids = [row.id for row in rows(trial_of(self.dashboard.shown[0])[1])]
        if self.chosen is not None:
            index = ids.index(self.chosen.id) + by
            self._wanted = ids[max(0, min(len(ids) - 1, index))]
            self.repaint()

    def action_run_test(self) -> None:
        """Run every check."""
        self._run(())

    def action_run_chosen(self) -> None:
        """Run one."""
        if self.chosen is not None:
            # It stays the chosen one, whatever it shows now.
            self._wanted = self.chosen.id
            self._run((self._wanted,))

    def _run(self, ids: tuple[str, ...]) -> None:
        app = self.dashboard
        if app.root is not None:
            # What is known now, not what is shown: the picture may be frozen.
            _, state = trial_of(app.feed.model)
            app.run_job(RunChecks(app.root, ids, tuple(state.outcomes.values()), app.feed.now))

    def action_copy_command(self) -> None:
        """The command that shows the chosen check."""
        if self.chosen is None:
            return
        _, state = trial_of(self.dashboard.shown[0])
        outcome = state.outcomes.get(self.chosen.id)
        command = self.chosen.command if outcome is None else outcome.command
        if command:
            self.dashboard.copy(command, "command")

    @on(LineView.Picked)
    def _picked(self, event: LineView.Picked) -> None:
        if event.line < len(self._ids) and self._ids[event.line] is not None:
            self._wanted = self._ids[event.line]
            self.repaint()

    @on(LineView.Scrolled)
    def _scrolled(self, event: LineView.Scrolled) -> None:
        self.action_move(1 if event.lines > 0 else -1)
