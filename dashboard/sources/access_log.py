"""The access log: every request, from the start of the present file on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dashboard.events import Event, Hit, LogProgress, SourceName
from dashboard.sources.base import SourceAbsent
from gateway.follow import Follower

LOG = Path("var/logs/access.jsonl")
"""Below the root of the workspace."""
PERIOD_S = 0.2
# About 250 lines, 3 ms: the thread of the screen is never kept waiting longer.
_CHUNK_BYTES = 128 * 1024


class AccessLog:
    """Reads what is new, in bounded pieces."""

    name = SourceName.ACCESS_LOG

    def __init__(self, path: Path) -> None:
        """`path` need not exist yet."""
        self._path = path
        self._follower = Follower(path)
        self._said: tuple[bool, int] | None = None

    @property
    def period_s(self) -> float:
        """No wait while there is more to read."""
        # A moment all the same: the thread that folds needs the interpreter too.
        return PERIOD_S if self._follower.caught_up else 0.002

    def poll(self, now: float) -> Sequence[Event]:
        """The next requests. Raises SourceAbsent while there is no log, OSError."""
        if self._follower.position is None and not self._path.exists():
            raise SourceAbsent(f"{self._path} does not exist: make start-project")
        events: list[Event] = [Hit(now, access) for access in self._follower.read(_CHUNK_BYTES)]
        said = (self._follower.caught_up, self._follower.bad_lines)
        if said != self._said:
            self._said = said
            events.append(LogProgress(now, *said))
        return events

    def close(self) -> None:
        """Close the files."""
        self._follower.close()
