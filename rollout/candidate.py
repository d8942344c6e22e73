"""What is known of the instances beside the logs: who is ready, with which model, how busy.

A thread looks about once a second, because an instance that hangs, or a process-compose that
does, must not keep the engine from its guardrails.
"""

import http.client
import json
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from gateway import process_table
from gateway.supervisor import (
    SOCKET,
    Process,
    Supervisor,
    SupervisorError,
    SupervisorTimeout,
    SupervisorUnreachable,
)
from gateway.topology import HOST, Instance, Topology

PERIOD_S: Final = 1.0
UNNAMED: Final = "unnamed"
"""The digest of a model whose service does not say (no text `model` in the JSON of /healthz)."""
_ANSWER_S: Final = 1.0
_LOAD_S: Final = 10.0
"""Over how long the load is measured."""


@dataclass(frozen=True, slots=True)
class Run:
    """One process of an instance."""

    pid: int
    restarts: int
    """Unplanned ones, as process-compose counts them since it runs itself."""
    started: float
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen at one moment."""

    healthy: bool = False
    """Whether an instance of the candidate says that it is ready."""
    digest: str | None = None
    """What those that are ready serve; None: nobody says."""
    load: float | None = None
    """Share of one core of the busiest of them; None: not measured."""
    runs: Mapping[str, Run] = field(default_factory=dict)
    """All instances by name; what was seen last, where nobody answers."""
    problem: str | None = None


class Candidate:
    """Looks at the instances of a workspace."""

    def __init__(self, root: Path, topology: Topology) -> None:
        """The second version that `topology` declares is the candidate."""
        self._supervisor = Supervisor(root / SOCKET)
        self._instances = topology.instances
        version = topology.versions[1]
        self._candidates = [each for each in topology.instances if each.version == version]
        self._cpu: dict[int, deque[tuple[float, float]]] = {}
        self._lock = threading.Lock()
        self._seen = Sight()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def begin(self) -> None:
        """Look once, then go on in the background."""
        self.look(time.time())
        self._thread.start()

    def end(self) -> None:
        """Look no more."""
        self._stop.set()

    @property
    def sight(self) -> Sight:
        """What was seen last."""
        with self._lock:
            return self._seen

    def look(self, now: float) -> None:
        """Look now, at `now` seconds since the epoch."""
        before = self.sight
        digests = [served(instance) for instance in self._candidates]
        known = sorted({digest for digest in digests if digest is not None})
        seen = Sight(
            healthy=bool(known),
            digest=" and ".join(known) or None,
            runs=before.runs,
        )
        try:
            names = {instance.name for instance in self._instances}
            runs = {
                process.name: _run(process, before.runs.get(process.name), now)
                for process in self._supervisor.processes()
                if process.name in names and process.pid
            }
            seen = replace(seen, runs={**before.runs, **runs})
        except (SupervisorUnreachable, SupervisorTimeout, SupervisorError) as error:
            seen = replace(seen, problem=f"restarts and load are of earlier: {error}")
        seen = replace(seen, load=self._load(seen, now))
        with self._lock:
            self._seen = seen

    def _watch(self) -> None:
        while not self._stop.wait(PERIOD_S):
            self.look(time.time())

    def _load(self, seen: Sight, now: float) -> float | None:
        loads = []
        for instance in self._candidates:
            run = seen.runs.get(instance.name)
            used = None if run is None else process_table.cpu_seconds(run.pid)
            if run is None or used is None:
                continue
            history = self._cpu.setdefault(run.pid, deque())
            history.append((now, used))
            while len(history) > 2 and history[0][0] < now - _LOAD_S:
                history.popleft()
            (first, before), (last, after) = history[0], history[-1]
            if last > first:
                loads.append((after - before) / (last - first))
        pids = {run.pid for run in seen.runs.values()}
        self._cpu = {pid: found for pid, found in self._cpu.items() if pid in pids}
        return max(loads, default=None)


def served(instance: Instance) -> str | None:
    """The digest of the model that an instance serves, None where it is not ready."""
    connection = http.client.HTTPConnection(HOST, instance.port, timeout=_ANSWER_S)
    try:
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        body = response.read(1 << 16)
        if response.status != http.client.OK:
            return None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    try:
        model = json.loads(body)["model"]
    except (ValueError, KeyError, TypeError):
        return UNNAMED
    return model if isinstance(model, str) and model else UNNAMED


def _run(process: Process, known: Run | None, now: float) -> Run:
    # The age of the same process is told a little differently each time.
    if known is not None and known.pid == process.pid:
        return replace(known, restarts=process.restarts)
    return Run(process.pid, process.restarts, now - process.age)
