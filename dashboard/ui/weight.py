"""Asks for the share of the users that the second version gets."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, Static

from dashboard.experiment_questions import parse_weight
from dashboard.ui.bindings import Scope, bindings


class WeightScreen(ModalScreen[int | None]):
    """A whole number from 0 to 100, None if a person changes their mind."""

    BINDINGS = bindings(Scope.WEIGHT)
    CSS = """
    WeightScreen { align: center middle; background: $background 60%; }
    WeightScreen Vertical { width: 70; max-width: 100%; height: auto;
                            background: $surface; border: round $warning; padding: 0 1; }
    WeightScreen Input { height: 1; border: none; padding: 0 1; background: $panel; }
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """The question, the line, what is wrong with what was typed."""
        with Vertical() as box:
            box.border_title = "canary"
            yield Static(self._text, markup=False)
            yield Input(placeholder="0 to 100, then enter", compact=True, max_length=5, id="weight")
            yield Static("", id="problem", markup=False)
        yield Footer(show_command_palette=False, compact=True)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        weight = parse_weight(event.value)
        if weight is None:
            words = f"{event.value!r} is no percentage: type a whole number, 0 to 100"
            self.query_one("#problem", Static).update(words)
        else:
            self.dismiss(weight)

    async def action_submit(self) -> None:
        """As enter in the line does."""
        await self.query_one(Input).action_submit()

    def action_cancel(self) -> None:
        """Close; nothing is changed."""
        self.dismiss(None)
