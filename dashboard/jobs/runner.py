"""Runs one trial at a time in a thread, and tells each step as an event.

One at a time, because two of them would measure each other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from dashboard.events import Event, TrialBegun, TrialEnded, TrialStep
from dashboard.trials.base import Step, TrialName


class Job(Protocol):
    """A trial that can be run."""

    @property
    def trial(self) -> TrialName:
        """Which one."""

    def steps(self, stop: threading.Event) -> Iterator[Step]:
        """Do it, in the thread of the caller; ends soon after `stop` is set.

        May raise anything: the text of the exception is told to the person.
        """


class Runner:
    """Runs jobs."""

    def __init__(
        self, post: Callable[[Event], None], clock: Callable[[], float] = time.time
    ) -> None:
        """`post` takes an event from any thread; `clock` gives seconds since the epoch."""
        self._post, self._clock = post, clock
        self._running: TrialName | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> TrialName | None:
        """What runs now."""
        return self._running

    def start(self, job: Job) -> str:
        """Begin; why not, or "" if it has begun."""
        if self._running is not None:
            return f"the {self._running.label} is still running: . stops it"
        self._running, self._stop = job.trial, threading.Event()
        self._post(TrialBegun(self._clock(), job.trial))
        # A daemon: an answer that never comes must not keep the program from ending.
        self._thread = threading.Thread(
            target=self._run, args=(job, self._stop), name=f"job {job.trial.value}", daemon=True
        )
        self._thread.start()
        return ""

    def stop(self) -> None:
        """Ask what runs to end; it says so itself."""
        self._stop.set()

    def close(self, timeout_s: float = 2.0) -> None:
        """Stop, and wait for the end, but not long."""
        self.stop()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self, job: Job, stop: threading.Event) -> None:
        problem = ""
        try:
            for step in job.steps(stop):
                self._post(TrialStep(self._clock(), job.trial, step))
        except Exception as error:
            # The edge: whatever it is, the screen shows it and lives on.
            problem = str(error) or type(error).__name__
        finally:
            self._running = None
        stopped = stop.is_set() and not problem
        self._post(TrialEnded(self._clock(), job.trial, problem, stopped))
