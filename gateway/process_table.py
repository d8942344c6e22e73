"""The processes of this machine as /proc shows them. Elsewhere (macOS) there are none to see."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Entry:
    """One process at one moment."""

    pid: int
    parent: int
    name: str
    """The kernel's name for it: the program, at most 15 characters."""
    state: str
    """One letter: R, S, T (stopped), Z and so on."""
    cpu_s: float
    """User and system time of all its threads, in seconds (resolution 10 ms)."""

    @property
    def zombie(self) -> bool:
        """It has ended, and its parent has not asked how."""
        return self.state in "ZX"


def entry(pid: int) -> Entry | None:
    """The process `pid`, None where there is none."""
    try:
        status = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    return parsed(pid, status)


def parsed(pid: int, status: str) -> Entry:
    """What a line of /proc/PID/stat says. Raises ValueError, IndexError."""
    # The name may hold spaces and parentheses: it ends at the last one (proc(5)).
    name, _, rest = status.partition("(")[2].rpartition(")")
    fields = rest.split()
    ticks = int(fields[11]) + int(fields[12])
    return Entry(pid, int(fields[1]), name, fields[0], ticks / os.sysconf("SC_CLK_TCK"))


def cpu_seconds(pid: int) -> float | None:
    """What a process has used so far; None where the system does not say."""
    found = entry(pid)
    return None if found is None else found.cpu_s


def entries() -> dict[int, Entry]:
    """Every process that runs now, by pid."""
    found = (entry(int(folder.name)) for folder in PROC.glob("[0-9]*"))
    return {one.pid: one for one in found if one is not None and not one.zombie}


def family(pid: int) -> frozenset[int]:
    """`pid` and whatever it has started that runs, and so on."""
    children: dict[int, list[int]] = {}
    for one in entries().values():
        children.setdefault(one.parent, []).append(one.pid)
    found, waiting = set(), [pid]
    while waiting:
        found.add(waiting[-1])
        waiting += children.get(waiting.pop(), [])
    return frozenset(found)


def alive(pid: int) -> bool:
    """Whether `pid` runs (a zombie that nobody has reaped yet does not)."""
    if pid <= 0:
        return False  # os.kill would ask a whole group
    if (found := entry(pid)) is not None:
        return not found.zombie
    # No Linux, or a /proc that hides the processes of others.
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):  # also a number that no process can have
        return False
    return True


def folder(pid: int) -> Path | None:
    """The working directory of `pid`; None for another user's process."""
    try:
        return (PROC / str(pid) / "cwd").readlink()
    except OSError:
        return None


def arguments(pid: int) -> tuple[str, ...]:
    """The command line of `pid`; () where it cannot be seen."""
    return _strings(pid, "cmdline")


def variables(pid: int) -> frozenset[str]:
    """Names of the environment variables that `pid` was started with; none for another user's."""
    return frozenset(item.partition("=")[0] for item in _strings(pid, "environ"))


def _strings(pid: int, file: str) -> tuple[str, ...]:
    try:
        content = (PROC / str(pid) / file).read_bytes()
    except OSError:
        return ()
    return tuple(part.decode(errors="replace") for part in content.split(b"\0") if part)
