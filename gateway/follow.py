"""Reads a log while nginx writes it: each complete line once, whatever happens to the file.

* The last line may be incomplete: it stays until the rest has come.
* Rotation by renaming: the renamed file is read to its end, then the new one. nginx workers
  go on writing to the renamed file until each has reopened its log, so that file stays open
  until the next rotation, or until it is deleted.
* Truncation after copying: the copy is finished, then the file is read from its start.
* A restart: `Follower.position` says where to go on. What was rotated in between is found
  among PATH.1, PATH.2, ... (as logrotate does it, PATH.1 is the latest) and read first.

Lost, and not counted as lost: lines in a rotated file that was deleted, compressed or moved
elsewhere before they were read; of a log rotated by copying, lines that nginx writes between
the copy and the truncation, and all of them if the file was empty when it was last read.
Rotate by renaming, then `nginx -s reopen`, to lose nothing.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

from gateway.accesslog import Access, BadLine, parse
from gateway.open_log import OpenLog, Position, Replaced, rotated

READ_BYTES = 1 << 20
"""How much one read() takes by default: about 2,000 lines, some 20 ms of work."""

Line = TypeVar("Line")

__all__ = ["READ_BYTES", "Follower", "LineFollower", "Position"]


class LineFollower(Generic[Line]):
    """What is new in a log since the last call. Never waits, starts no thread; not thread-safe."""

    def __init__(
        self, path: Path, parse: Callable[[bytes], Line], position: Position | None = None
    ) -> None:
        """Start at `position`, or at the start of the present file. `path` need not exist yet.

        `parse` makes something of a line without its newline, and raises BadLine.
        """
        self.path = path
        self._parse = parse
        self.bad_lines = 0
        """Lines that could not be parsed, since this follower was made."""
        self.caught_up = False
        """Whether the last read() came to the end of everything there is."""
        # Where to start, until the files have been found.
        self._resume_at = position
        # Oldest first; the last one is, or was, at `path`.
        self._logs: list[OpenLog] = []

    @property
    def position(self) -> Position | None:
        """Where a later follower has to start to miss nothing and repeat nothing.

        None while there has been no file.
        """
        position = self._resume_at
        for log in self._logs:
            position = log.position(before=position)
        return position

    @property
    def unread_bytes(self) -> int:
        """How much of the files that are open is still to be read. Raises OSError."""
        return sum(log.unread_bytes for log in self._logs)

    def read(self, max_bytes: int = READ_BYTES) -> list[Line]:
        """What is in at most `max_bytes` (> 0) of new lines, [] if there are none.

        While `caught_up` is False there is more to read now. Raises OSError if a log exists
        but cannot be read; nothing is lost by that, the next call tries again.
        """
        found: list[Line] = []
        self.caught_up = False
        problem: OSError | None = None
        try:
            self._discover()
        except OSError as error:
            problem = error  # no reason not to finish the files that are open
        try:
            self._drain(found, max_bytes)
        except OSError as error:
            problem = error
        if problem is not None:
            self.caught_up = False
            # What has been taken from a file must be delivered; the error will come again.
            if not found:
                raise problem
        return found

    def close(self) -> None:
        """Close the files. `position` stays as it is, and read() would go on there."""
        self._resume_at = self.position
        while self._logs:
            self._logs.pop().close()

    def _drain(self, found: list[Line], max_bytes: int) -> None:
        index = 0
        while index < len(self._logs):
            log = self._logs[index]
            try:
                data = log.read(max_bytes)
            except Replaced:
                self._replace(log)
                continue
            if not data:
                index += 1
                continue
            lines, too_long = log.lines(data)
            self.bad_lines += too_long
            for line in lines:
                try:
                    found.append(self._parse(line))
                except BadLine:
                    self.bad_lines += 1
            max_bytes -= len(data)
            if max_bytes <= 0:
                return
        self.caught_up = True
        # Only the file before the present one may still be written to.
        while len(self._logs) > 2 or (len(self._logs) == 2 and self._logs[0].deleted):
            self.bad_lines += self._logs[0].incomplete
            self._logs.pop(0).close()

    def _discover(self) -> None:
        """Open what has appeared since the last call."""
        if self._resume_at is not None:
            self._resume(self._resume_at)
        elif not self._logs:
            with suppress(FileNotFoundError):
                self._logs.append(OpenLog.open(self.path))
        else:
            newest = self._logs[-1]
            with suppress(FileNotFoundError):
                if self.path.stat().st_ino == newest.inode:
                    return
                if newest.replaced:  # first copied and truncated, then renamed
                    self._replace(newest)
                else:
                    self._open_later(newest.position(), keep=False)

    def _replace(self, log: OpenLog) -> None:
        """Read the copy of a truncated file in its stead, and the file itself after that."""
        copied = log is self._logs[-1] and self._open_later(log.position(), keep=True)
        if not copied:
            self.bad_lines += log.incomplete
        # Last: after an OSError above it is still here, and is tried again.
        self._logs.remove(log)
        log.close()

    def _open_later(self, position: Position, *, keep: bool) -> bool:
        """Open every file that is later than the one at `position`, which is not at `path` now.

        With `keep` also that one, if it is among the rotated files; whether it is, is returned.
        """
        files = rotated(self.path)
        latest_first: list[Path] = []
        found = False
        for index, path in enumerate(files):
            log = OpenLog.open_at(path, position)
            if log is not None:
                found = True
                # Where somebody counts upwards, a lower number means an older file.
                latest_first = [later for later in files[:index] if log.is_before(later)]
                if keep:
                    self._logs.append(log)
                else:
                    log.close()
                break
        # If it is not there, nobody knows which of them are later: none is read.
        for path in (*reversed(latest_first), self.path):
            with suppress(FileNotFoundError):
                self._logs.append(OpenLog.open(path))
        return found

    def _resume(self, position: Position) -> None:
        try:
            for earlier in _earlier_than(position):
                for path in (self.path, *rotated(self.path)):
                    log = OpenLog.open_at(path, earlier)
                    if log is not None:
                        self._logs.append(log)
                        break
            log = OpenLog.open_at(self.path, position)
            if log is not None:
                self._logs.append(log)
            else:
                self._open_later(position, keep=True)
        except OSError:
            while self._logs:
                self._logs.pop().close()
            raise
        if self._logs:
            self._resume_at = None


class Follower(LineFollower[Access]):
    """The requests of an access log."""

    def __init__(self, path: Path, position: Position | None = None) -> None:
        """As LineFollower."""
        super().__init__(path, parse, position)


def _earlier_than(position: Position) -> list[Position]:
    """The positions in the files before, oldest first."""
    earlier = []
    while position.before is not None:
        position = position.before
        earlier.append(position)
    return earlier[::-1]
