"""The access log: every request, from the start of the present file on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from dashboard.events import Event, Hit, LogProgress, SourceName
from dashboard.sources.base import SourceAbsent, SourceFailing
from gateway.follow import Follower
from gateway.nginx_master import running_master, writes_to

LOG = Path("var/logs/access.jsonl")
"""Below the root of the workspace."""
PERIOD_S = 0.2
# About 250 lines, 3 ms: the thread of the screen is never kept waiting longer.
_CHUNK_BYTES = 128 * 1024
_ROTATION_S = 2.0
"""So long nginx may have another file than the one at the path: a rotation does that."""


class AccessLog:
    """Reads what is new, in bounded pieces."""

    name = SourceName.ACCESS_LOG

    def __init__(self, path: Path) -> None:
        """`path` need not exist yet."""
        self._path = path
        self._follower = Follower(path)
        self._said: tuple[bool, int] | None = None
        self._lost_since: float | None = None

    @property
    def period_s(self) -> float:
        """No wait while there is more to read."""
        # A moment all the same: the thread that folds needs the interpreter too.
        return PERIOD_S if self._follower.caught_up else 0.002

    def poll(self, now: float) -> Sequence[Event]:
        """The next requests.

        Raises SourceAbsent while there is no log, SourceFailing where nginx cannot leave a line
        that others find, OSError.
        """
        if self._follower.position is None and not self._path.exists():
            raise SourceAbsent(f"{self._path} does not exist: make start-project")
        events: list[Event] = [Hit(now, access) for access in self._follower.read(_CHUNK_BYTES)]
        said = (self._follower.caught_up, self._follower.bad_lines)
        if said != self._said:
            self._said = said
            events.append(LogProgress(now, *said))
        if problem := self._problem(now, idle=not events):
            raise SourceFailing(problem, events)
        return events

    def close(self) -> None:
        """Close the files."""
        self._follower.close()

    def _problem(self, now: float, idle: bool) -> str:
        """Why requests leave no line, "" if they do as far as anybody can see."""
        try:
            lost = self._is_lost(idle)
        except FileNotFoundError:
            lost = f"{self._path} was removed"
        if not lost:
            self._lost_since = None
            if self._follower.caught_up and _is_full(self._path):
                return f"{self._path}: the disk is full, and takes no line more: make room"
            return ""
        if self._lost_since is None:
            self._lost_since = now
        if now - self._lost_since < _ROTATION_S:
            return ""
        return f"{lost}: `make reload` has nginx write another one"

    def _is_lost(self, idle: bool) -> str:
        """What became of the file that nginx writes to. Raises FileNotFoundError."""
        self._path.stat()
        if not idle and self._lost_since is None:
            return ""  # lines come, so it is the right one
        master = running_master(self._path.parents[2])
        if master is None or writes_to(master, self._path) is not False:
            return ""
        return f"{self._path} was replaced, and nginx writes to the old one"


def _is_full(path: Path) -> bool:
    try:
        return os.statvfs(path).f_bavail == 0
    except OSError:
        return False  # it has gone just now, which the next poll says
