"""The nginx that runs in this workspace: its master process, and its workers.

Read from /proc. Elsewhere (macOS) a master is believed if its pid runs, and its workers
cannot be seen.
"""

from contextlib import suppress
from pathlib import Path

from gateway import process_table
from gateway.process_table import PROC

PID_FILE = "var/run/nginx.pid"
"""As nginx/nginx.conf has it."""
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
    if not PROC.is_dir():
        return pid if process_table.alive(pid) else None
    found = process_table.entry(pid)
    if found is None or found.zombie or "nginx" not in found.name:
        return None
    try:
        return pid if (PROC / str(pid) / "cwd").samefile(root) else None
    except OSError:
        return None  # another user's, or it has ended just now


def workers(master: int) -> frozenset[int] | None:
    """The workers of `master` that take connections; None where processes cannot be seen."""
    if not PROC.is_dir():
        return None
    return frozenset(
        pid
        for pid, each in process_table.entries().items()
        if each.parent == master and _title(pid) == _WORKER
    )


def stopped(master: int) -> tuple[int, ...]:
    """Which of `master` and its workers do nothing until they are told to go on (SIGSTOP).

    Nobody else tells: the others answer every probe. () where processes cannot be seen.
    """
    try:
        children = (PROC / str(master) / "task" / str(master) / "children").read_text().split()
    except OSError:
        return ()
    found = [process_table.entry(pid) for pid in (master, *map(int, children))]
    return tuple(each.pid for each in found if each is not None and each.state == "T")


def writes_to(master: int, path: Path) -> bool | None:
    """Whether `master` has the file open that is at `path` now; None where nobody can see.

    A log that was replaced has the name and not the lines. Raises FileNotFoundError if there is
    no such file.
    """
    wanted = path.stat()
    try:
        opened = list((PROC / str(master) / "fd").iterdir())
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


def _title(pid: int) -> str:
    # nginx writes its title over its arguments.
    return " ".join(process_table.arguments(pid)).strip()
