"""Who holds a TCP port of this machine, as far as /proc tells (Linux)."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway import process_table
from gateway.process_table import PROC

_LISTEN = "0A"  # TCP_LISTEN, include/net/tcp_states.h
_TABLES = ("tcp", "tcp6")


@dataclass(frozen=True, slots=True)
class Socket:
    """A listening socket, as one row of /proc/net/tcp says it."""

    port: int
    uid: int
    inode: str


def parse_table(text: str) -> Iterator[Socket]:
    """The listening sockets of the text of /proc/net/tcp or tcp6; other lines are left out."""
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == _LISTEN:
            yield Socket(int(fields[1].rpartition(":")[2], 16), int(fields[7]), fields[9])


def holder(port: int) -> str:
    """Who listens at `port`, in words that follow "is taken by".

    Names the program, its pid and its folder; only the user where the process is another
    user's; nobody where the system does not tell.
    """
    sockets = [found for found in _sockets() if found.port == port]
    for socket in sockets:
        for pid in _owners(socket.inode):
            return _described(pid)
    if sockets:
        return f"a process of the user {_user(sockets[0].uid)}"
    if PROC.is_dir():
        # The tables show listening sockets only, and only those of this network namespace.
        return "a program that holds it without listening yet"
    return "another program"


def _sockets() -> Iterator[Socket]:
    for table in _TABLES:
        try:
            text = (PROC / "net" / table).read_text()
        except OSError:
            continue
        yield from parse_table(text)


def _owners(inode: str) -> list[int]:
    """The pids that have the socket open, the oldest ancestor (a master process) first."""
    wanted = f"socket:[{inode}]"
    found = {
        pid: entry
        for pid, entry in process_table.entries().items()
        if any(link == wanted for link in _links(pid))
    }
    return sorted(found, key=lambda pid: (found[pid].parent in found, pid))


def _links(pid: int) -> Iterator[str]:
    folder = PROC / str(pid) / "fd"
    try:
        names = os.listdir(folder)  # noqa: PTH208 (ten times faster than Path.iterdir here)
    except OSError:
        return
    for name in names:
        try:
            yield os.readlink(folder / name)  # noqa: PTH115
        except OSError:
            continue


def _described(pid: int) -> str:
    entry = process_table.entry(pid)
    folder: Path | None = process_table.folder(pid)
    name = entry.name if entry is not None else "a program"
    where = f" in {folder}" if folder is not None else ""
    return f"{name} (pid {pid}{where})"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
