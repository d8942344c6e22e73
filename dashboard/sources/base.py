"""What a source is, and the thread that asks it.

A source may fail, vanish and come back: the pump says so in an event and asks again, less
and less often. It never raises to the screen.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from dashboard.events import Event, SourceName, SourceState, SourceStatus

MAX_BACKOFF_S = 4.0
_QUEUED_BATCHES = 32


class SourceAbsent(Exception):
    """There is nothing to ask. The text says what is missing and what to do."""


class SourceFailing(Exception):
    """It delivers, and all the same something is wrong with it. The text says what to do."""

    def __init__(self, text: str, events: Sequence[Event] = ()) -> None:
        super().__init__(text)
        self.events = events


class Source(Protocol):
    """Something that can be asked for facts."""

    @property
    def name(self) -> SourceName:
        """How it is called."""

    @property
    def period_s(self) -> float:
        """How long to wait until it is asked again; 0 while there is more to be had at once."""

    def poll(self, now: float) -> Sequence[Event]:
        """What there is now. Bounded in work and time.

        Raises SourceAbsent, SourceFailing or any error.
        """

    def close(self) -> None:
        """Give back what is open."""


class Inbox:
    """Batches of events on their way from the pumps to the model.

    Bounded, and nothing is ever dropped: a pump that is too fast waits, and its facts stay
    where they are, in the log.
    """

    def __init__(self) -> None:
        self._queue: queue.Queue[Sequence[Event]] = queue.Queue(_QUEUED_BATCHES)

    def put(self, batch: Sequence[Event], stop: threading.Event) -> None:
        """Wait for room, until `stop` is set."""
        while not stop.is_set():
            try:
                self._queue.put(batch, timeout=0.2)
            except queue.Full:
                continue
            return

    def take(self) -> Sequence[Event] | None:
        """The next batch, None if there is none. Never waits."""
        try:
            return self._queue.get_nowait()
        except queue.Empty:
            return None


class Pump:
    """Asks one source in a thread until it is stopped."""

    def __init__(self, source: Source, inbox: Inbox, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since the epoch."""
        self.source = source
        self._inbox = inbox
        self._clock = clock
        self._stop = threading.Event()
        # A daemon: an answer that never comes must not keep the program from ending.
        self._thread = threading.Thread(
            target=self._run, name=f"source {source.name.value}", daemon=True
        )

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        """Ask no more; wait for the end of the thread, but not long."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        backoff = 0.0
        while not self._stop.is_set():
            events, ok = ask(self.source, self._clock)
            self._inbox.put(events, self._stop)
            period = self.source.period_s
            backoff = 0.0 if ok else min(MAX_BACKOFF_S, max(period, 0.25, backoff * 2))
            self._stop.wait(period if ok else backoff)
        self.source.close()


def ask(source: Source, clock: Callable[[], float]) -> tuple[list[Event], bool]:
    """One poll: its events and the source's status after them, and whether it delivered."""
    try:
        events = list(source.poll(clock()))
        state, detail = SourceState.FRESH, ""
    except SourceAbsent as error:
        events, state, detail = [], SourceState.ABSENT, str(error)
    except SourceFailing as error:
        events, state, detail = list(error.events), SourceState.FAILING, str(error)
    except Exception as error:
        # The edge: whatever it is, the screen shows it and lives on.
        reason = str(error) or type(error).__name__
        events, state, detail = [], SourceState.FAILING, reason
    events.append(SourceStatus(clock(), source.name, state, detail))
    return events, state is SourceState.FRESH
