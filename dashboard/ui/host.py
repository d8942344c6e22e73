"""What a screen may ask of the application: an interface, so that the arrow points one way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dashboard.feed import Feed
from dashboard.glyphs import Glyphs
from dashboard.model import Model
from dashboard.window import Window

if TYPE_CHECKING:
    from dashboard.filters import Filter
    from dashboard.jobs.runner import Job


class Host(Protocol):
    """The application, as the screens see it."""

    feed: Feed
    window: Window
    glyphs: Glyphs
    body: str
    """What a copied curl command sends."""

    @property
    def root(self) -> Path | None:
        """The workspace that can be acted upon; None in a replay."""

    @property
    def shown(self) -> tuple[Model, float]:
        """The model on the screen and the time it is about: frozen, or now."""

    def state_words(self, now: float) -> str:
        """The window, and whether this is the present."""

    def show_traffic(self, wanted: Filter) -> None:
        """The Traffic screen with a filter."""

    def copy(self, text: str, what: str) -> None:
        """To the clipboard; `what` is what a person is told."""

    def may(self, action: str) -> bool:
        """Whether this action is allowed: read-only and a replay change nothing."""

    def run_job(self, job: Job) -> bool:
        """Begin a test; if one runs already, say so. Whether it has begun."""

    def stop_job(self) -> None:
        """Ask the test that runs to end."""
