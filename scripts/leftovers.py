"""Processes of this folder that nobody supervises any more.

When process-compose is killed outright (kill -9, out of memory), what it ran goes on,
holds the ports and would stop every later start. Linux only: elsewhere none are seen.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from gateway import process_table
from gateway.process_table import Entry

_MARK = "PC_PROC_NAME"
"""A variable that process-compose gives to everything it starts."""
_NGINX_PIDS = "var/run/nginx*.pid"
"""The gateway's, and those of relays to other hosts (docs/scale.md)."""
# The kernel keeps 15 characters; a wrapper of Nix is called .process-compose-wrapped.
_SUPERVISOR = "process-compos"
_TERM_SECONDS = 10.0


def supervisors(root: Path) -> tuple[Entry, ...]:
    """Every `process-compose up` that runs in the folder `root`."""
    return tuple(
        entry
        for entry in process_table.entries().values()
        if _SUPERVISOR in entry.name
        and process_table.folder(entry.pid) == root
        and "up" in process_table.arguments(entry.pid)[1:]
    )


def leftovers(root: Path) -> tuple[Entry, ...]:
    """What a process-compose in the folder `root` started and no process-compose watches."""
    table = process_table.entries()
    nginx = _recorded_nginx(root)
    return tuple(
        entry
        for entry in table.values()
        if entry.pid != os.getpid()
        and process_table.folder(entry.pid) == root
        # nginx overwrites its environment with its title.
        and (entry.pid in nginx or _MARK in process_table.variables(entry.pid))
        and not any(_SUPERVISOR in above.name for above in _ancestors(entry, table))
    )


def end(entries: tuple[Entry, ...]) -> None:
    """End `entries`, politely first; returns when they are gone."""
    for number, seconds in ((signal.SIGTERM, _TERM_SECONDS), (signal.SIGKILL, _TERM_SECONDS)):
        for entry in entries:
            if process_table.alive(entry.pid):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(entry.pid, number)
        deadline = time.monotonic() + seconds
        while any(process_table.alive(entry.pid) for entry in entries):
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        else:
            return


def _recorded_nginx(root: Path) -> set[int]:
    """The pids in the pid files of nginx that still are an nginx."""
    found = set()
    for path in root.glob(_NGINX_PIDS):
        try:
            pid = int(path.read_text())
        except (OSError, ValueError):
            continue
        entry = process_table.entry(pid)
        if entry is not None and entry.name.startswith("nginx"):
            found.add(pid)
    return found


def _ancestors(entry: Entry, table: dict[int, Entry]) -> Iterator[Entry]:
    above = table.get(entry.parent)
    while above is not None:
        yield above
        above = table.get(above.parent)
