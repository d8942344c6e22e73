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
    zombie: bool
    """It has ended, and its parent has not asked how."""


def entry(pid: int) -> Entry | None:
    """The process `pid`, None where there is none."""
    try:
        status = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    # The name may hold spaces and parentheses: it ends at the last one (proc(5)).
    name, _, rest = status.partition("(")[2].rpartition(")")
    state, parent = rest.split()[:2]
    return Entry(pid, int(parent), name, state in "ZX")


def entries() -> dict[int, Entry]:
    """Every process that runs now, by pid."""
    found = (entry(int(folder.name)) for folder in PROC.glob("[0-9]*"))
    return {one.pid: one for one in found if one is not None and not one.zombie}


def alive(pid: int) -> bool:
    """Whether `pid` runs (a zombie that nobody has reaped yet does not)."""
    if PROC.is_dir():
        found = entry(pid)
        return found is not None and not found.zombie
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
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
