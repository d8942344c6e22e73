"""Client of the REST API of process-compose, which runs every process of the workspace.

The API is a unix socket (`.pc_env`), written against process-compose 1.87.0. Two quirks of it:
`exit_code` keeps the value of an earlier run after a restart, so it says something only while
a process is completed; and a process whose children outlive it still counts as running.
"""

import http.client
import json
import socket
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gateway.errors import in_words

SOCKET = Path("var/run/pc.sock")
"""Where the API is, below the root of the workspace."""

MAY_END = frozenset({"setup", "probes", "optional"})
"""Namespaces of processes that may end well and be done (process-compose.yaml): one-shots,
traffic whose time is over, Grafana where there is none. Any other process serves, and one
that was stopped serves nobody, though nginx ends with 0 then; process-compose shows "-" for
the health of both, so that only the namespace tells them apart."""

RAY = "ray"
"""The namespace of the nodes of a Ray cluster (process-compose.ray.yaml)."""

_TIMEOUT_SECONDS = 5.0
# A restart waits for the process to end and then for its backoff.
_RESTART_SECONDS = 30.0
# The sum of what the processes may take one after the other (shutdown.timeout_seconds),
# those of process-compose.ray.yaml included.
_SHUTDOWN_SECONDS = 80.0
_NANOSECONDS = 1e9


class SupervisorUnreachable(ConnectionError):
    """Nothing answers on the socket. The message says what to do."""


class SupervisorTimeout(TimeoutError):
    """process-compose answers on its socket, but not in time."""


class SupervisorError(RuntimeError):
    """process-compose refused: an unknown process, or one that is not in a state for it."""


class ProcessStatus(Enum):
    """Where in its life a process is. The values are those of the API."""

    DISABLED = "Disabled"
    FOREGROUND = "Foreground"
    PENDING = "Pending"
    """It waits for what it depends on."""
    SCHEDULED = "Scheduled"
    LAUNCHING = "Launching"
    LAUNCHED = "Launched"
    RUNNING = "Running"
    RESTARTING = "Restarting"
    TERMINATING = "Terminating"
    COMPLETED = "Completed"
    """It has ended, well or not (exit_code), or was stopped."""
    SKIPPED = "Skipped"
    """What it depends on failed."""
    ERROR = "Error"
    UNKNOWN = "Unknown"
    """A value that this program does not know."""

    @classmethod
    def _missing_(cls, value: object) -> "ProcessStatus":
        return cls.UNKNOWN


class ProcessHealth(Enum):
    """What the readiness probe says. The values are those of the API."""

    READY = "Ready"
    NOT_READY = "Not Ready"
    NO_PROBE = "-"
    UNKNOWN = "Unknown"
    """A value that this program does not know."""

    @classmethod
    def _missing_(cls, value: object) -> "ProcessHealth":
        return cls.UNKNOWN


@dataclass(frozen=True, slots=True)
class Process:
    """One process, as process-compose sees it."""

    name: str
    namespace: str
    status: ProcessStatus
    health: ProcessHealth
    restarts: int
    exit_code: int
    """Of the last run that ended; says nothing about the present one. -1 if it was stopped."""
    pid: int
    cpu: float
    """Per cent of one core."""
    mem: int
    """Resident bytes."""
    age: float
    """Seconds since it started."""

    @property
    def is_ready(self) -> bool:
        """Its probe succeeds, or it had one thing to do (MAY_END) and has done it."""
        if self.status is ProcessStatus.COMPLETED:
            return self.exit_code == 0 and self.namespace in MAY_END
        # The probe of a process that is on its way out still says what it said before.
        ending = self.status in (ProcessStatus.TERMINATING, ProcessStatus.RESTARTING)
        return self.health is ProcessHealth.READY and not ending

    @property
    def has_failed(self) -> bool:
        """It will not become ready unless somebody starts it."""
        if self.status is ProcessStatus.COMPLETED:
            return not self.is_ready
        return self.status in (ProcessStatus.ERROR, ProcessStatus.SKIPPED)


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether everything is up, and if not, because of whom."""

    ready: tuple[Process, ...]
    waiting: tuple[Process, ...]
    """They may become ready by themselves."""
    failed: tuple[Process, ...]
    """They will not."""

    @property
    def complete(self) -> bool:
        """Every process is ready, and there is at least one."""
        return bool(self.ready) and not self.waiting and not self.failed


def ready(processes: Iterable[Process]) -> Readiness:
    """Who is ready, who may become so and who will not; disabled processes do not count.

    Not `process-compose project is-ready`, which fails for ever once any process was
    stopped or killed, because of `exit_code`.
    """
    counted = [process for process in processes if process.status is not ProcessStatus.DISABLED]
    return Readiness(
        ready=tuple(process for process in counted if process.is_ready),
        waiting=tuple(p for p in counted if not p.is_ready and not p.has_failed),
        failed=tuple(process for process in counted if process.has_failed),
    )


class Supervisor:
    """The running process-compose.

    Every method raises SupervisorUnreachable, SupervisorTimeout or SupervisorError.
    """

    def __init__(self, path: Path = SOCKET) -> None:
        """`path` is the unix socket. Connects only when a method is called, and for that call."""
        self._path = path

    def alive(self) -> bool:
        """Whether process-compose runs. Raises nothing."""
        try:
            self._send("GET", "/live")
        except (SupervisorUnreachable, SupervisorTimeout, SupervisorError):
            return False
        return True

    def processes(self) -> tuple[Process, ...]:
        """Every process, sorted by name."""
        with _understood():
            found = [_process(entry) for entry in self._send("GET", "/processes")["data"]]
        return tuple(sorted(found, key=lambda process: process.name))

    def start(self, name: str) -> None:
        """Start a process that has ended. Does not wait until it is ready."""
        self._send("POST", f"/process/start/{quote(name, safe='')}")

    def stop(self, name: str) -> None:
        """Stop a process; it stays down whatever its restart policy. Does not wait for its end."""
        self._send("PATCH", f"/process/stop/{quote(name, safe='')}")

    def restart(self, name: str) -> None:
        """Stop a process and start it after its backoff; waits for that, not until it is ready."""
        self._send("POST", f"/process/restart/{quote(name, safe='')}", _RESTART_SECONDS)

    def logs(self, name: str, limit: int) -> list[str]:
        """The last `limit` (> 0) lines that a process wrote to stdout and stderr."""
        if limit < 1:
            raise ValueError(f"limit is {limit}: ask for at least one line")
        with _understood():
            lines = self._send("GET", f"/process/logs/{quote(name, safe='')}/0/{limit}")["logs"]
            return [str(line) for line in lines]

    def shutdown(self) -> None:
        """Stop every process, in order, then process-compose itself. Waits for the processes."""
        self._send("GET", "/live")
        # It was there a moment ago, so a connection that breaks now is its end.
        with suppress(SupervisorUnreachable):
            self._send("POST", "/project/stop", _SHUTDOWN_SECONDS)

    def _send(self, method: str, path: str, timeout: float = _TIMEOUT_SECONDS) -> Any:
        try:
            with closing(_UnixConnection(self._path, timeout)) as connection:
                connection.request(method, path)
                response = connection.getresponse()
                content = response.read()
        except TimeoutError:
            raise SupervisorTimeout(
                f"{self._path}: process-compose did not answer within {timeout:g} s: "
                "try again, or `make stop-project` and `make start-project`"
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise SupervisorUnreachable(
                f"{self._path}: process-compose does not answer ({in_words(error)}): "
                "start the workspace with `make start-project`"
            ) from None
        try:
            body = json.loads(content)
        except ValueError:
            body = None
        if response.status == HTTPStatus.OK and body is not None:
            return body
        reason = body.get("error") if isinstance(body, dict) else None
        raise SupervisorError(
            f"{method} {path}: process-compose refused: {reason or response.reason}"
        )


# Not httpx: its transport leaves the socket open when nobody listens, which is what a
# program that waits for process-compose meets all the time.
class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@contextmanager
def _understood() -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise SupervisorError(
            f"process-compose answered in a form that is not known ({error!r}): "
            "use version 1.87.0 (`make setup`)"
        ) from None


def _process(entry: dict[str, Any]) -> Process:
    return Process(
        name=str(entry["name"]),
        namespace=str(entry["namespace"]),
        status=ProcessStatus(entry["status"]),
        health=ProcessHealth(entry["is_ready"]),
        restarts=int(entry["restarts"]),
        exit_code=int(entry["exit_code"]),
        pid=int(entry["pid"]),
        cpu=float(entry["cpu"]),
        mem=int(entry["mem"]),
        age=float(entry["age"]) / _NANOSECONDS,
    )
