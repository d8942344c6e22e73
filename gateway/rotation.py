"""Keeps the logs of nginx small: a long one is renamed, and nginx begins a new one.

By renaming, so that whoever follows a log (gateway.follow) misses no line: nginx goes on writing
to the renamed file until it has been told.
"""

import os
import signal
from pathlib import Path

from gateway.nginx_master import running_master

MAX_BYTES = 100 * 1024 * 1024
"""A log that is longer is put away: some 190,000 requests."""
KEPT = 3
"""So many are kept beside the present one; whatever is older is deleted."""


def rotate(root: Path, log: Path, max_bytes: int = MAX_BYTES, kept: int = KEPT) -> bool:
    """Put `log` away as LOG.1 (LOG.1 as LOG.2, and so on) if it is longer than `max_bytes`.

    Tells the nginx of the workspace at `root`, if one runs, to begin a new one. Whether there was
    anything to do. Raises OSError.
    """
    try:
        if log.stat().st_size <= max_bytes:
            return False
    except FileNotFoundError:
        return False
    master = running_master(root)
    for number in range(kept, 0, -1):
        older = _numbered(log, number)
        if number == kept:
            older.unlink(missing_ok=True)
        younger = _numbered(log, number - 1) if number > 1 else log
        if younger.exists():
            younger.rename(older)
    if master is not None:
        os.kill(master, signal.SIGUSR1)
    return True


def _numbered(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")
