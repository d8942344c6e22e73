"""Waits for a condition instead of for a time."""

import threading
from collections.abc import Callable
from time import monotonic

WAIT_SECONDS = 20.0


def wait_until(condition: Callable[[], object], state: Callable[[], object] = str) -> None:
    """Until `condition` holds. Fails, showing `state`, when that takes too long."""
    deadline = monotonic() + WAIT_SECONDS
    pause = threading.Event()
    while not condition():
        assert monotonic() < deadline, state()
        pause.wait(0.02)
