"""Screen 7: the candidate on its way to everybody, or back."""

from __future__ import annotations

from pathlib import Path

from textual import on, work

from dashboard.headline import labelled
from dashboard.jobs.rollout import explain_decision, order
from dashboard.lines import Tone
from dashboard.rollout_decisions import chosen_decision
from dashboard.rollout_explain_lines import explanation_lines
from dashboard.rollout_lines import Picture, rollout
from dashboard.rollout_questions import Order, needless, order_of, question
from dashboard.ui.bindings import Scope, bindings
from dashboard.ui.confirm import ConfirmScreen
from dashboard.ui.decision import DecisionScreen
from dashboard.ui.line_view import LineView
from dashboard.ui.screen import PictureScreen
from dashboard.view import View
from gateway.errors import ConfigurationError
from rollout.status import Decided


class RolloutScreen(PictureScreen):
    """One picture with a cursor over the decisions; the engine decides, not this screen."""

    NAME = "rollout"
    BINDINGS = bindings(Scope.ROLLOUT)

    def __init__(self) -> None:
        super().__init__()
        self._chosen: int | None = None
        self._drawn: Picture | None = None

    def draw(self, view: View) -> None:
        """Draw the model."""
        app = self.dashboard
        model, now = app.shown
        words, may_act = app.state_words(now), app.may("order")
        self._drawn = rollout(model, view, now, self._chosen, words, may_act)
        self.picture.show(self._drawn.lines, self._drawn.cursor)

    def action_move(self, by: int) -> None:
        """Choose another decision; the newest stands at the top."""
        found = self._decisions()
        chosen = chosen_decision(found, self._chosen)
        if chosen is not None:
            index = found.index(chosen) - by
            self._chosen = found[max(0, min(len(found) - 1, index))].seq
            self.repaint()

    def action_order(self, word: str) -> None:
        """Ask a person where it moves users, then ask the engine."""
        root, feed = self.dashboard.root, self.dashboard.feed
        if root is None:
            return
        # What is true now, not what is shown: the picture may be frozen.
        wanted = order_of(feed.model, word)
        if reason := needless(feed.model, wanted):
            self.notify(reason, severity="warning", markup=False)
            return
        known = feed.model.rollout
        alive = known is not None and known.alive

        def answered(yes: bool | None) -> None:
            if yes:
                self._order(root, wanted, alive)

        asked = question(feed.model, wanted)
        if asked is None:
            answered(True)
        else:
            self.app.push_screen(ConfirmScreen(asked), answered)

    def action_explain(self) -> None:
        """The chosen decision in full."""
        chosen = chosen_decision(self._decisions(), self._chosen)
        if chosen is None:
            self.notify("there is no decision yet", severity="warning")
            return
        screen = DecisionScreen(chosen)
        self.app.push_screen(screen)
        root = self.dashboard.root
        if root is not None:
            self._explain(root, screen)

    async def action_open_ab(self) -> None:
        """The A/B screen."""
        await self.app.run_action("show('ab')", self.app)

    @work(thread=True, exit_on_error=False, group="rollout")
    def _order(self, root: Path, wanted: Order, alive: bool) -> None:
        ok, words = order(root, wanted, alive=alive)
        severity = "information" if ok else "error"
        self.app.call_from_thread(self.notify, words, severity=severity, markup=False)

    @work(thread=True, exit_on_error=False, group="explain")
    def _explain(self, root: Path, screen: DecisionScreen) -> None:
        try:
            lines = explanation_lines(explain_decision(root, screen.decided.seq), screen.view())
        except (ConfigurationError, OSError, LookupError) as error:
            lines = [(), *labelled("", str(error), screen.view(), Tone.BAD)]
        self.app.call_from_thread(screen.more, lines)

    @on(LineView.Picked)
    def _picked(self, event: LineView.Picked) -> None:
        seqs = () if self._drawn is None else self._drawn.seqs
        if event.line < len(seqs) and seqs[event.line] is not None:
            self._chosen = seqs[event.line]
            self.repaint()

    @on(LineView.Scrolled)
    def _scrolled(self, event: LineView.Scrolled) -> None:
        self.action_move(1 if event.lines > 0 else -1)

    def _decisions(self) -> tuple[Decided, ...]:
        known = self.dashboard.shown[0].rollout
        return () if known is None or known.status is None else known.status.decisions
