"""A person says who is right: over the A/B screen, which must not be seen meanwhile."""

from __future__ import annotations

import secrets
from typing import cast

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Footer

from dashboard.ab_lines import ab_of
from dashboard.events import TrialStep
from dashboard.labelling_lines import labelling_lines
from dashboard.trials.ab import AbRun, Labelled, LabellingBegun
from dashboard.trials.base import Step, TrialName
from dashboard.ui.bindings import Scope, bindings
from dashboard.ui.host import Host
from dashboard.ui.line_view import LineView
from dashboard.view import View
from probes.labelling import Choice


class LabellingScreen(ModalScreen[None]):
    """One question at a time. What is said is an event, as everything that is known."""

    BINDINGS = bindings(Scope.LABELLING)
    # Not a pixel of the screen below: it says which version answered what.
    CSS = """
    LabellingScreen { align: center middle; background: $background; }
    LabellingScreen VerticalScroll { width: 90%; height: auto; max-height: 90%;
                                     background: $surface; border: round $foreground 40%; }
    """

    def compose(self) -> ComposeResult:
        """The question and the keys."""
        with VerticalScroll() as box:
            box.border_title = "who is right?"
            yield LineView(id="labelling")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Begin, or go on where it was left."""
        run = self._run
        if run is not None and run.labelling is None:
            self._post(LabellingBegun(secrets.randbelow(1 << 32)))
        self.call_after_refresh(self._paint)

    def on_resize(self) -> None:
        """The lines are made for the width."""
        self.call_after_refresh(self._paint)

    def action_say(self, choice: str) -> None:
        """Take the answer; the next question comes at once."""
        run = self._run
        if run is not None and run.labelling is not None and not run.labelling.is_over:
            self._post(Labelled(Choice(choice)))
            self._paint()

    def action_close(self) -> None:
        """Back to the test."""
        self.dismiss()

    @property
    def _host(self) -> Host:
        return cast(Host, self.app)

    @property
    def _run(self) -> AbRun | None:
        # The present, not what is frozen on the screen below.
        return ab_of(self._host.feed.model)[1].run

    def _post(self, step: Step) -> None:
        feed = self._host.feed
        feed.post(TrialStep(feed.now(), TrialName.AB, step))
        feed.advance()

    def _paint(self) -> None:
        run = self._run
        if not self.is_mounted or run is None or run.labelling is None:
            return
        view = View(self.size.width * 9 // 10 - 4, self.size.height, self._host.glyphs)
        lines = labelling_lines(run.labelling, run.tally.versions, view)
        self.query_one("#labelling", LineView).show(lines)
