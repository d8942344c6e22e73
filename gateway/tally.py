"""Counts of a log that survive a restart: nothing lost, nothing counted twice.

Counts and position in the log are one file, replaced as a whole. Whatever moment it is from,
adding to it what the log holds from that position on gives the true counts; a process that was
killed after it wrote the file only counts those lines again from where the file says.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Generic, Protocol, Self, TypeVar

from prometheus_client.metrics_core import Metric

from gateway import plain_json, shadow_log
from gateway.accesslog import Access
from gateway.atomic import replace_file
from gateway.follow import Follower, LineFollower, Position
from gateway.gateway_metrics import RequestCounts
from gateway.shadow_log import Shadow
from gateway.shadow_metrics import ShadowCounts

_FORMAT = 1
# Some 500 lines, 5 ms: how long a scrape may have to wait for the counts.
_CHUNK_BYTES = 256 * 1024


class StateError(ValueError):
    """The file of an earlier run cannot be used. Names the file and what happens instead."""


Line = TypeVar("Line")
Taken = TypeVar("Taken", contravariant=True)


class Counts(Protocol[Taken]):
    """What lines add up to."""

    @property
    def lines(self) -> int:
        """Lines folded in, good and bad."""

    def fold(self, lines: Iterable[Taken], bad_lines: int = 0) -> None:
        """Add lines, and lines that were none."""

    def families(self) -> Iterator[Metric]:
        """As metrics."""

    def to_json(self) -> dict[str, object]:
        """As an object that `json.dumps` can write."""


class LogTally(Generic[Line]):
    """Counts that follow a log and can be stored. Safe to use from several threads.

    Whoever derives from it says how a log is followed and what is counted.
    """

    name: str
    """Which log it is, in a word."""

    def __init__(self, log: Path, state: Path, instances: Mapping[str, str]) -> None:
        """Count from the start of the present log. `state` is where save() writes."""
        self.log = log
        self._state = state
        self._follower = self._follow(None)
        self._counts = self._new_counts(instances)
        self._bad_lines_folded = 0
        self.unread_bytes = 0
        """Of the log when it was last looked at: what is not counted yet."""
        self._saved: tuple[Position | None, int] = (None, 0)
        # Held while lines are taken from the log and until they are counted, which may last
        # (a slow disk, a long backlog). Counts and position agree whenever it is free.
        self._reading = Lock()
        # Held while counts change, which never lasts. Always taken after _reading.
        self._counting = Lock()

    @classmethod
    def restore(cls, log: Path, state: Path, instances: Mapping[str, str]) -> Self:
        """Go on where save() was, or at the start if it never was. Raises StateError, OSError."""
        tally = cls(log, state, instances)
        try:
            content = state.read_bytes()
        except FileNotFoundError:
            return tally
        try:
            document = plain_json.loads(content)
            if not isinstance(document, dict) or document.get("format") != _FORMAT:
                raise ValueError("it has another format")
            if document.get("log") != str(log):
                raise ValueError("it belongs to another log")
            stored = document.get("position")
            position = None if stored is None else Position.from_json(stored)
            tally._counts = cls._stored_counts(document.get("counts"), instances)
        except ValueError as error:
            raise StateError(
                f"{state}: not usable ({error}): counting again from the start of {log}"
            ) from None
        tally._follower = tally._follow(position)
        tally._saved = (position, tally._counts.lines)
        return tally

    def advance(self, seconds: float) -> bool:
        """Count new lines for about that long; whether there were no more of them.

        If another thread is doing it, waits for that as long. Raises OSError if the log
        exists but cannot be read.
        """
        deadline = monotonic() + seconds
        if not self._reading.acquire(timeout=seconds):
            return False
        try:
            while True:
                self._count_chunk()
                if self._follower.caught_up or monotonic() >= deadline:
                    return self._follower.caught_up
        finally:
            self._reading.release()

    def families(self) -> list[Metric]:
        """The metrics as counted so far. Never waits for the log."""
        with self._counting:
            return list(self._counts.families())

    def save(self) -> None:
        """Store counts and position, if they have changed. From one thread only. Raises OSError."""
        with self._reading:
            position = self._follower.position
            now = (position, self._counts.lines)
            if now == self._saved:
                return
            content = json.dumps(
                {
                    "format": _FORMAT,
                    "log": str(self.log),
                    "position": None if position is None else position.to_json(),
                    "counts": self._counts.to_json(),
                },
                separators=(",", ":"),
            )
        # Nobody has to wait for the disk.
        replace_file(self._state, content + "\n")
        self._saved = now

    def _count_chunk(self) -> None:
        lines: list[Line] = []
        try:
            lines = self._follower.read(_CHUNK_BYTES)
        finally:
            # Also after an error: the position may be past lines that were bad.
            bad_lines = self._follower.bad_lines
            with self._counting:
                self._counts.fold(lines, bad_lines - self._bad_lines_folded)
            self._bad_lines_folded = bad_lines
            self.unread_bytes = self._follower.unread_bytes

    def _follow(self, position: Position | None) -> LineFollower[Line]:
        raise NotImplementedError

    @staticmethod
    def _new_counts(instances: Mapping[str, str]) -> Counts[Line]:
        raise NotImplementedError

    @staticmethod
    def _stored_counts(value: object, instances: Mapping[str, str]) -> Counts[Line]:
        """Raises ValueError."""
        raise NotImplementedError


class Tally(LogTally[Access]):
    """The requests of the access log."""

    name = "access"
    _new_counts = RequestCounts
    _stored_counts = RequestCounts.from_json

    def _follow(self, position: Position | None) -> Follower:
        return Follower(self.log, position)


class ShadowTally(LogTally[Shadow]):
    """The copies of the log of the shadow."""

    name = "shadow"
    _new_counts = ShadowCounts
    _stored_counts = ShadowCounts.from_json

    def _follow(self, position: Position | None) -> LineFollower[Shadow]:
        return LineFollower(self.log, shadow_log.parse, position)
