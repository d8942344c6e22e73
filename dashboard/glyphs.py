"""The characters that draw: block elements, or ASCII for terminals and people without them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One way to draw."""

    levels: str
    """From nothing to everything; the first is a blank."""
    full: str
    rest: str
    """What a bar has not reached."""
    ready: str
    starting: str
    down: str
    live: str
    frozen: str
    warning: str
    more: str
    """Where text was cut off."""
    arrow: str
    rule: str
    """A line across, character by character."""
    done: str

    def spark(self, values: Sequence[float], top: float) -> str:
        """A strip: one character for each value, `top` (> 0) being the highest level.

        Anything above zero shows, so one request in a quiet second can be seen.
        """
        highest = len(self.levels) - 1
        return "".join(
            self.levels[max(1, min(highest, round(value / top * highest)))]
            if value > 0
            else self.levels[0]
            for value in values
        )

    def bar(self, share: float, width: int) -> str:
        """A bar of `width` characters of which `share` (0 to 1) is full."""
        filled = max(0, min(width, round(share * width)))
        return self.full * filled + self.rest * (width - filled)


UNICODE = Glyphs(" ▁▂▃▄▅▆▇█", "█", "░", "●", "○", "✕", "●", "■", "▲", "…", "→", "─", "✓")
ASCII = Glyphs(" .:-=+*#@", "#", ".", "*", "o", "x", "*", "=", "!", "~", ">", "-", "ok")
