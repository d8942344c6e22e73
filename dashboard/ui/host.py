"""What a screen may ask of the application: an interface, so that the arrow points one way."""

from __future__ import annotations

from typing import Protocol

from dashboard.feed import Feed
from dashboard.filters import Filter
from dashboard.glyphs import Glyphs
from dashboard.model import Model, Window


class Host(Protocol):
    """The application, as the screens see it."""

    feed: Feed
    window: Window
    glyphs: Glyphs
    body: str
    """What a copied curl command sends."""

    @property
    def shown(self) -> tuple[Model, float]:
        """The model on the screen and the time it is about: frozen, or now."""

    def state_words(self, now: float) -> str:
        """The window, and whether this is the present."""

    def show_traffic(self, wanted: Filter) -> None:
        """The Traffic screen with a filter."""

    def copy(self, text: str, what: str) -> None:
        """To the clipboard; `what` is what a person is told."""
