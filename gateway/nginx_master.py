"""The nginx that runs in this workspace: its master process, and its workers.

Read from /proc. Elsewhere (macOS) a master is believed if its pid runs, and its workers
cannot be seen.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PID_FILE = "var/run/nginx.pid"
"""As nginx/nginx.conf has it."""
_PROC = Path("/proc")
_WORKER = "nginx: worker process"
"""The title of a worker that takes connections; one that finishes adds "is shutting down"."""


def running_master(root: Path) -> int | None:
    """The pid of the nginx of the workspace at `root`; None where none runs.

    The pid file outlives a killed nginx, and its number goes to another process some day: so
    the process has to be an nginx that works in this folder.
    """
    try:
        pid = int((root / PID_FILE).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None  # `nginx -t` leaves an empty one
    if pid <= 0:
        return None
    if not _PROC.is_dir():
        return pid if _runs(pid) else None
    status = _status(pid)
    if status is None or "nginx" not in status.name:
        return None
    try:
        return pid if (_PROC / str(pid) / "cwd").samefile(root) else None
    except OSError:
        return None  # another user's, or it has ended just now


def workers(master: int) -> frozenset[int] | None:
    """The workers of `master` that take connections; None where processes cannot be seen."""
    if not _PROC.is_dir():
        return None
    found = set()
    for folder in _PROC.glob("[0-9]*"):
        pid = int(folder.name)
        status = _status(pid)
        if status is not None and status.parent == master and _title(pid) == _WORKER:
            found.add(pid)
    return frozenset(found)


def stopped(master: int) -> tuple[int, ...]:
    """Which of `master` and its workers do nothing until they are told to go on (SIGSTOP).

    Nobody else tells: the others answer every probe. () where processes cannot be seen.
    """
    try:
        children = (_PROC / str(master) / "task" / str(master) / "children").read_text().split()
    except OSError:
        return ()
    statuses = {pid: _status(pid) for pid in (master, *map(int, children))}
    return tuple(pid for pid, each in statuses.items() if each is not None and each.state == "T")


def writes_to(master: int, path: Path) -> bool | None:
    """Whether `master` has the file open that is at `path` now; None where nobody can see.

    A log that was replaced has the name and not the lines. Raises FileNotFoundError if there is
    no such file.
    """
    wanted = path.stat()
    try:
        opened = list((_PROC / str(master) / "fd").iterdir())
    except OSError:
        return None  # no Linux, or another user's
    found = None
    for descriptor in opened:
        with suppress(OSError):  # closed just now
            status = descriptor.stat()
            if (status.st_dev, status.st_ino) == (wanted.st_dev, wanted.st_ino):
                return True
            found = False
    return found


class _Status(NamedTuple):
    name: str
    state: str
    """One letter of proc(5)."""
    parent: int


def _status(pid: int) -> _Status | None:
    """Of a process; None where it does not run (any more)."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # proc(5): the name is in parentheses and may hold any; then state and parent.
    name, _, rest = text.partition("(")[2].rpartition(")")
    state, parent = rest.split()[:2]
    return None if state in "ZX" else _Status(name, state, int(parent))


def _title(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "cmdline").read_text(errors="replace").strip("\0 ")
    except OSError:
        return ""


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True
