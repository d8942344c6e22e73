"""A recording as a feed: its events at the pace at which they were recorded, or faster."""

from __future__ import annotations

import math
import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from dashboard.events import Event
from dashboard.feed import FOLD_BUDGET_S
from dashboard.model import Model
from dashboard.record import BadRecording, read_recording


def folded(path: Path) -> tuple[Model, float, float]:
    """The model at the end of a recording, and the times at which that begins and ends.

    Raises BadRecording, OSError.
    """
    model, first, last = Model(), math.inf, -math.inf
    for event in read_recording(path):
        model.apply(event)
        first, last = min(first, event.at), max(last, event.at)
    if first > last:
        raise _empty(path)
    return model, first, last


def _empty(path: Path) -> BadRecording:
    return BadRecording(f"{path}: no event in it: record anew with --record")


class ReplayFeed:
    """Shows a recording. Its clock is that of the recording and stops at its end."""

    def __init__(
        self, path: Path, speed: float = 1.0, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """`speed` > 0; infinite folds everything at once. Raises BadRecording, OSError."""
        self.model = Model()
        self.problem = ""
        """Why the recording ended before its end, "" if it did not."""
        self._posted: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._events: Iterator[Event] = read_recording(path)
        self._speed = speed
        self._monotonic = monotonic
        self._next: Event | None = next(self._events, None)
        if self._next is None:
            raise _empty(path)
        self._first = self._last = self._next.at
        # What is declared: the first picture needs it.
        self.model.apply(self._next)
        self._next = next(self._events, None)
        self._started: float | None = None

    @property
    def label(self) -> str:
        """Whether it still runs."""
        return "end of replay" if self._next is None else "replay"

    def start(self) -> None:
        """Let its clock run."""
        self._started = self._monotonic()

    def advance(self) -> bool:
        """Fold the events that are due."""
        deadline = time.monotonic() + FOLD_BUDGET_S
        while not self._posted.empty():
            self.model.apply(self._posted.get())
        now = self._position()
        while self._next is not None and self._next.at <= now:
            self.model.apply(self._next)
            self._last = max(self._last, self._next.at)
            try:
                self._next = next(self._events, None)
            except BadRecording as error:
                self._next, self.problem = None, str(error)
            if time.monotonic() > deadline:
                return True
        return False

    def post(self, event: Event) -> None:
        """What a person does with a recording, labelling for one, is shown; the file stays."""
        self._posted.put(event)

    def now(self) -> float:
        """The time in the recording."""
        return self._last if self._next is None else min(self._position(), self._next.at)

    def stop(self) -> None:
        """There is nothing running."""

    def _position(self) -> float:
        if self._started is None:
            return self._first
        if self._speed == float("inf"):
            return self._speed
        return self._first + (self._monotonic() - self._started) * self._speed
