"""What a person does to one process, and its last lines: both by process-compose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dashboard.events import ProcessLog
from dashboard.process_lines import LOG_CHARACTERS
from dashboard.process_questions import Deed
from gateway.supervisor import SOCKET, Supervisor, SupervisorError

LOG_LINES = 200
"""How many of the last lines are read, and so kept by a recording."""


def act(root: Path, deed: Deed, name: str) -> tuple[bool, str]:
    """Do it in the workspace at `root`; whether it was done, and the words for a person.

    Waits for process-compose, for a restart about a second; not until the process is ready.
    """
    supervisor = Supervisor(root / SOCKET)
    deeds: dict[Deed, tuple[Callable[[str], None], str]] = {
        Deed.START: (supervisor.start, "started"),
        Deed.STOP: (supervisor.stop, "stopped"),
        Deed.RESTART: (supervisor.restart, "restarted"),
    }
    do, done = deeds[deed]
    try:
        do(name)
    except (OSError, SupervisorError) as error:
        return False, f"{deed.value} {name}: {error}"
    return True, f"{name} {done}"


def read_log(root: Path, name: str, now: float) -> ProcessLog:
    """The last lines of a process. Raises SupervisorError, OSError (also for a timeout)."""
    lines = Supervisor(root / SOCKET).logs(name, LOG_LINES)
    return ProcessLog(now, name, tuple(line.rstrip("\r\n")[:LOG_CHARACTERS] for line in lines))
