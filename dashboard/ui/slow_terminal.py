"""Whether the terminal takes what is painted as fast as it is painted."""

from __future__ import annotations

from textual.driver import Driver


def is_behind(driver: Driver | None) -> bool:
    """Whether it has not yet taken what was painted before.

    Over a slow link Textual keeps up to thirty pictures for it, and a key would be answered
    after all of them.
    """
    waiting = getattr(getattr(driver, "_writer_thread", None), "_queue", None)
    return waiting is not None and not waiting.empty()
