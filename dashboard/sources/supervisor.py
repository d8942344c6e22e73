"""process-compose: what runs, since when, with how much CPU and memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dashboard.events import Event, ProcessStates, SourceName
from dashboard.sources.base import SourceAbsent
from gateway.supervisor import Supervisor, SupervisorUnreachable


class ProcessList:
    """Asks the REST API on the unix socket."""

    name = SourceName.PROCESSES
    period_s = 1.0

    def __init__(self, socket: Path) -> None:
        self._supervisor = Supervisor(socket)
        self.namespaces: frozenset[str] = frozenset()
        """Those of the processes that it saw last."""

    def poll(self, now: float) -> Sequence[Event]:
        """The processes. Raises SourceAbsent, SupervisorError, SupervisorTimeout."""
        try:
            processes = self._supervisor.processes()
        except SupervisorUnreachable as error:
            raise SourceAbsent(str(error)) from None
        self.namespaces = frozenset(process.namespace for process in processes)
        return [ProcessStates(now, processes)]

    def close(self) -> None:
        """There is nothing open between two polls."""
