"""Screen 4: does the rate limit hold."""

from __future__ import annotations

from pathlib import Path

from textual import work

from dashboard.jobs.aside import tell
from dashboard.jobs.ratelimit import Burst, read_limit
from dashboard.limit_lines import rate_limit, recovering_s, trial_of
from dashboard.limit_plan import command, more_rate, more_requests
from dashboard.trials.base import TrialName
from dashboard.ui.bindings import Scope, bindings
from dashboard.ui.screen import PictureScreen
from dashboard.view import View
from probes.limit_files import RateLimit
from probes.ratelimit import Plan, default_plan


class RateLimitScreen(PictureScreen):
    """A person chooses how many requests and how fast; the rest comes from the model."""

    NAME = "rate_limit"
    BINDINGS = bindings(Scope.RATE_LIMIT)

    def __init__(self) -> None:
        super().__init__()
        self._chosen: Plan | None = None

    def on_screen_resume(self) -> None:
        """What the files say may have changed while another screen was in front."""
        super().on_screen_resume()
        root = self.dashboard.root
        if root is not None:
            self._read(root)

    @work(thread=True, exclusive=True, exit_on_error=False, group="limit")
    def _read(self, root: Path) -> None:
        feed = self.dashboard.feed
        self.app.call_from_thread(tell, feed, TrialName.RATE_LIMIT, read_limit(root))

    def draw(self, view: View) -> None:
        """Draw the model."""
        app = self.dashboard
        model, now = app.shown
        self.picture.show(rate_limit(model, view, now, self.plan, app.state_words(now)))

    @property
    def plan(self) -> Plan | None:
        """What would be sent next; None while the limit is not known."""
        limit = self._limit()
        if self._chosen is not None or limit is None:
            return self._chosen
        return default_plan(limit)

    def action_run_test(self) -> None:
        """Send the plan."""
        app = self.dashboard
        if app.root is None:
            return
        # What is known now, not what is shown: the picture may be frozen.
        trial, state = trial_of(app.feed.model)
        left = recovering_s(app.feed.model, app.feed.now())
        if left and state.sending is not None and not state.sending.source:
            self.notify(f"the one address of this machine recovers: {left:.1f} s more")
            return
        volleys = state.volleys(None if trial is None else trial.ended)
        app.run_job(Burst(app.root, self.plan, volleys))

    def action_requests(self, by: int) -> None:
        """More or fewer of them."""
        plan, limit = self.plan, self._limit()
        if plan is not None and limit is not None:
            self._chosen = more_requests(plan, limit, by)
            self.repaint()

    def action_rate(self, by: int) -> None:
        """Faster or slower."""
        plan, limit = self.plan, self._limit()
        if plan is not None and limit is not None:
            self._chosen = more_rate(plan, limit, by)
            self.repaint()

    def action_copy_command(self) -> None:
        """The plan as a shell command."""
        plan, (_, state) = self.plan, trial_of(self.dashboard.shown[0])
        if plan is not None and state.read is not None:
            self.dashboard.copy(command(state.read.request, plan), "command")

    def _limit(self) -> RateLimit | None:
        _, state = trial_of(self.dashboard.shown[0])
        return None if state.read is None else state.read.limit
