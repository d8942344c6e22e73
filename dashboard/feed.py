"""Where a screen gets its model from: the running stack, or a recording."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dashboard.events import Declared, Event, Workspace
from dashboard.model import Model
from dashboard.sources.base import Inbox, Pump, Source
from gateway.errors import in_words

if TYPE_CHECKING:
    from gateway.settings import Settings
    from gateway.topology import Topology

FOLD_BUDGET_S = 0.05
"""How long one turn may fold: keys are answered in between."""


class Recorder(Protocol):
    """Keeps every event."""

    def write(self, event: Event) -> None:
        """Keep one."""

    def close(self) -> None:
        """Nothing more will come."""


class Feed(Protocol):
    """Keeps a model up to date."""

    model: Model

    @property
    def label(self) -> str:
        """One word for the screen: live, or where in a recording."""

    def start(self) -> None:
        """Begin."""

    def advance(self) -> bool:
        """Fold what has come, for a bounded time; whether there is more to fold now."""

    def post(self, event: Event) -> None:
        """Fold an event of the program's own; from any thread, never waits."""

    def now(self) -> float:
        """The time that the model is about, in seconds since the epoch."""

    def stop(self) -> None:
        """End; nothing is left running."""


class LiveFeed:
    """Follows the running stack."""

    def __init__(
        self,
        workspace: Workspace,
        sources: Iterable[Source],
        recorder: Recorder | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.model = Model()
        self._clock = clock
        self._recorder = recorder
        self.problem = ""
        """Why the recording ended early, "" if it did not."""
        self._inbox = Inbox()
        self._posted: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._sources = sources
        self._pumps: list[Pump] = []
        self._fold(workspace)

    @property
    def label(self) -> str:
        """Whether what is shown is also kept."""
        if self.problem:
            return "live, RECORDING FAILED"
        return "live" if self._recorder is None else "live, recording"

    def start(self) -> None:
        """Start asking every source."""
        self._pumps = [Pump(source, self._inbox, self._clock) for source in self._sources]
        for pump in self._pumps:
            pump.start()

    def advance(self) -> bool:
        """Fold what the sources have delivered."""
        deadline = time.monotonic() + FOLD_BUDGET_S
        while not self._posted.empty():
            self._fold(self._posted.get())
        while (batch := self._inbox.take()) is not None:
            for event in batch:
                self._fold(event)
            if time.monotonic() > deadline:
                return True
        return False

    def post(self, event: Event) -> None:
        """Folded at the next turn, and recorded."""
        self._posted.put(event)

    def now(self) -> float:
        """The present."""
        return self._clock()

    def stop(self) -> None:
        """Stop asking, and finish the recording."""
        for pump in self._pumps:
            pump.stop()
        if self._recorder is not None:
            self._record(self._recorder.close)

    def _fold(self, event: Event) -> None:
        self.model.apply(event)
        recorder = self._recorder
        if recorder is not None:
            self._record(lambda: recorder.write(event))

    def _record(self, step: Callable[[], None]) -> None:
        """A full disk ends the recording, not the dashboard."""
        try:
            step()
        except OSError as error:
            self._recorder = None
            self.problem = f"--record: {in_words(error)}"


def declared_workspace(topology: Topology, settings: Settings, now: float) -> Workspace:
    """The first event: what the files say."""
    instances = (Declared(i.name, i.version, i.address) for i in topology.instances)
    return Workspace(now, settings.url, tuple(instances))


def live_sources(root: Path, topology: Topology, workspace: Workspace) -> Iterator[Source]:
    """Everything that can be asked about the workspace at `root`.

    One after the other, and their modules only then: the first picture pays for none.
    """
    from dashboard.sources.access_log import LOG, AccessLog
    from dashboard.sources.nginx import CERTIFICATE, PID_FILE, NginxStatus
    from dashboard.sources.prometheus import Prometheus
    from dashboard.sources.rollout import Rollout
    from dashboard.sources.services import Services
    from dashboard.sources.supervisor import ProcessList
    from gateway.supervisor import RAY, SOCKET

    yield AccessLog(root / LOG)
    processes = ProcessList(root / SOCKET)
    yield processes
    yield NginxStatus(root, topology.status_port, root / CERTIFICATE, root / PID_FILE)
    yield Services(workspace.instances)
    yield Prometheus(topology.prometheus_port, lambda: RAY in processes.namespaces)
    yield Rollout(root)
