"""How a person looks at the model: the room on the screen, the window, the characters."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.glyphs import Glyphs
from dashboard.window import Window

WIDE = 110
"""From so many columns on everything is shown."""
NGINX = "nginx"
"""What the answers that nginx gave by itself are listed under, and its process."""


@dataclass(frozen=True, slots=True)
class View:
    """How a person looks at the model."""

    columns: int
    rows: int
    glyphs: Glyphs
    window: Window = Window.MINUTE

    @property
    def wide(self) -> bool:
        """Whether there is room for everything."""
        return self.columns >= WIDE
