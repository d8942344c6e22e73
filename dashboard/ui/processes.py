"""Screen 6: what runs, and what happens when it is killed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from textual import on, work

from dashboard.jobs.drill import DrillJob
from dashboard.jobs.processes import act, read_log
from dashboard.process_picture import Log, Picture, first_choice, picture
from dashboard.process_questions import (
    Deed,
    Question,
    drill_question,
    needless,
    question,
    victim,
)
from dashboard.ui.bindings import Scope, bindings
from dashboard.ui.confirm import ConfirmScreen
from dashboard.ui.line_view import LineView
from dashboard.ui.screen import PictureScreen
from dashboard.view import View
from gateway.supervisor import SupervisorError
from probes.drill_run import RATE

_LOG_S = 1.5
"""How often the log is read while it is shown."""


class ProcessesScreen(PictureScreen):
    """A table with a cursor; below it the kill drill, or the log of a process."""

    NAME = "processes"
    BINDINGS = bindings(Scope.PROCESSES)

    def __init__(self) -> None:
        super().__init__()
        self._chosen: str | None = None
        self._log: Log | None = None
        self._reading = False
        self._read_at = 0.0

    def draw(self, view: View) -> None:
        """Draw the model, and read the log again that is shown."""
        shown = self._shown()
        self.picture.show(shown.lines, shown.line_of(self._chosen))
        root, log = self.dashboard.root, self._log
        due = time.monotonic() - self._read_at >= _LOG_S
        if root is not None and log is not None and due and not self._reading:
            self._reading, self._read_at = True, time.monotonic()
            self._read(root, log.process)

    def action_move(self, by: int) -> None:
        """Choose another process; a log that is open becomes its log."""
        names = self._shown().processes
        if self._chosen in names:
            self._choose(names[max(0, min(len(names) - 1, names.index(self._chosen) + by))])

    def action_log(self) -> None:
        """The last lines of the chosen process; if they are shown, the drill again."""
        if self._log is None and self._chosen is not None:
            self._open(self._chosen)
        else:
            self._log = None
        self.repaint()

    def action_close_log(self) -> None:
        """The drill again."""
        self._log = None
        self.repaint()

    def action_act(self, deed: str) -> None:
        """Ask, then do it."""
        root, name, wanted = self.dashboard.root, self._chosen, Deed(deed)
        if root is None or name is None:
            return
        # What is true now, not what is shown: the picture may be frozen.
        feed = self.dashboard.feed
        if reason := needless(feed.model, wanted, name):
            self.notify(reason, severity="warning", markup=False)
            return
        self._ask(
            question(feed.model, wanted, name, feed.now()), lambda: self._act(root, wanted, name)
        )

    def action_run_test(self) -> None:
        """Ask, then kill an instance under load."""
        root, feed = self.dashboard.root, self.dashboard.feed
        name = victim(feed.model, self._chosen)
        if root is None or name is None:
            return

        def kill() -> None:
            self._log = None
            self.dashboard.run_job(DrillJob(root, name))

        self._ask(drill_question(feed.model, name, RATE, feed.now()), kill)

    def _ask(self, asked: Question, then: Callable[[], object]) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                then()

        self.app.push_screen(ConfirmScreen(asked), answered)

    @work(thread=True, exit_on_error=False, group="processes")
    def _act(self, root: Path, deed: Deed, name: str) -> None:
        ok, words = act(root, deed, name)
        severity = "information" if ok else "error"
        self.app.call_from_thread(self.notify, words, severity=severity, markup=False)

    @work(thread=True, exit_on_error=False, group="log")
    def _read(self, root: Path, name: str) -> None:
        feed = self.dashboard.feed
        problem = "it could not be read"
        try:
            found = read_log(root, name, feed.now())
            before = feed.model.process_logs.get(name)
            # The same again would only make a recording long.
            if before is None or before.lines != found.lines:
                feed.post(found)
            problem = ""
        except (OSError, SupervisorError) as error:
            problem = str(error)
        finally:
            self.app.call_from_thread(self._was_read, name, problem)

    def _was_read(self, name: str, problem: str) -> None:
        self._reading = False
        if self._log is not None and self._log.process == name:
            self._log = Log(name, problem)

    @on(LineView.Picked)
    def _picked(self, event: LineView.Picked) -> None:
        names = self._shown().names
        name = names[event.line] if event.line < len(names) else None
        if name is not None:
            self._choose(name)

    @on(LineView.Scrolled)
    def _scrolled(self, event: LineView.Scrolled) -> None:
        self.action_move(1 if event.lines > 0 else -1)

    def _choose(self, name: str) -> None:
        self._chosen = name
        if self._log is not None:
            self._open(name)
        self.repaint()

    def _open(self, name: str) -> None:
        self._log = Log(name)
        self._read_at = 0.0

    def _shown(self) -> Picture:
        app = self.dashboard
        model, now = app.shown
        view = self.view(self.picture.size.height)
        log = self._log
        if log is not None and app.root is None and log.process not in model.process_logs:
            log = Log(log.process, "this recording holds no log of it")
        shown = picture(model, view, now, app.state_words(now), self._chosen, log)
        if self._chosen not in shown.processes:
            self._chosen = first_choice(shown, model)
        return shown
