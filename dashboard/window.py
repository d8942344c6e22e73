"""Which requests the numbers on a screen are about."""

from __future__ import annotations

from enum import Enum

LONGEST_S = 300
"""The longest window with an end: so many seconds are kept one by one."""


class Window(Enum):
    """Which requests the numbers are about. The value is its length in seconds."""

    TEN_SECONDS = 10
    MINUTE = 60
    FIVE_MINUTES = LONGEST_S
    ALL = 0
    """Every request since the start of the log that was present at the start, or since a mark."""

    @property
    def label(self) -> str:
        """As on the screen."""
        return {10: "10 s", 60: "1 m", 300: "5 m", 0: "all"}[self.value]

    @property
    def next(self) -> Window:
        """The next longer one; after the longest the shortest."""
        order = list(Window)
        return order[(order.index(self) + 1) % len(order)]
