"""Fires the kill drill: the engine behind `python -m dashboard drill`."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from dashboard.trials.base import TrialName
from dashboard.trials.drill import Chosen, Counted, DrillStep, Reached, Reported
from probes.drill_run import Phase, drill, usual_rate
from probes.drill_target import Refused, choose
from probes.workspace import load_workspace

COUNT_S = 0.5
"""How often the load is counted on the screen."""


class DrillJob:
    """One drill on the workspace at `root`; `victim` is an instance."""

    trial = TrialName.DRILL

    def __init__(self, root: Path, victim: str | None = None) -> None:
        self._root, self._victim = root, victim

    def steps(self, stop: threading.Event) -> Iterator[DrillStep]:
        """Choose, kill, watch, report; a stop ends it with what was seen until then.

        Raises Refused, ConfigurationError, OSError or SupervisorError.
        """
        workspace = load_workspace(self._root, os.environ)
        rate = usual_rate(workspace)
        try:
            target = choose(workspace, self._victim)
            yield Chosen(target.name, target.pid, rate)
            yield from _told(
                lambda clock: Reported(
                    drill(workspace, target, rate, clock.reached, count=clock.counted, stop=stop)
                )
            )
        except Refused as refused:
            raise Refused(f"refused: {refused}") from None


class _Clock:
    """Turns what the engine tells into steps, with the seconds since it told the first."""

    def __init__(self, put: Callable[[DrillStep], None]) -> None:
        self._put = put
        self._begun = self._counted = time.monotonic()

    def reached(self, phase: Phase) -> None:
        """A phase has begun."""
        if phase is Phase.LOAD:
            self._begun = time.monotonic()
        self._put(Reached(phase, round(time.monotonic() - self._begun, 3)))

    def counted(self, answered: int, wrong: int) -> None:
        """The engine counts far more often than a person reads."""
        now = time.monotonic()
        if now - self._counted >= COUNT_S:
            self._counted = now
            self._put(Counted(round(now - self._begun, 3), answered, wrong))


def _told(work: Callable[[_Clock], DrillStep]) -> Iterator[DrillStep]:
    """What `work` tells while it runs, then what it returns. Raises what it raises."""
    told: queue.SimpleQueue[DrillStep | None] = queue.SimpleQueue()
    failures: list[Exception] = []

    def run() -> None:
        try:
            told.put(work(_Clock(told.put)))
        except Exception as error:
            failures.append(error)  # raised again below, in the thread that asked
        finally:
            told.put(None)

    threading.Thread(target=run, name="drill", daemon=True).start()
    while (step := told.get()) is not None:
        yield step
    if failures:
        raise failures[0]
