"""One open log file: how far it has been read, and whether it is still the same file.

A file is recognised by a checksum of its first bytes, which hold the time and id of its
first request. An inode number alone is not enough: file systems give it to the next new file.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from gateway.regular_file import open_regular

MAX_LINE_BYTES = 1 << 20
"""A longer line is bad. It bounds what is kept of an incomplete line."""
HEAD_BYTES = 128
"""The start of a file by which it is recognised: time and request id are within it."""


_TIME = re.compile(rb'\{"time":"([0-9]+\.[0-9]+)"')


@dataclass(frozen=True, slots=True)
class Position:
    """How far a log has been read, to be stored with `to_json`."""

    inode: int
    offset: int
    """Bytes; the first line that has not been delivered starts here."""
    head_length: int
    head_checksum: int
    """CRC-32 of the first `head_length` bytes of the file."""
    before: "Position | None" = None
    """The same for the file that was rotated away before this one."""

    def to_json(self) -> dict[str, object]:
        """As an object that `json.dumps` can write."""
        return {
            "inode": self.inode,
            "offset": self.offset,
            "head_length": self.head_length,
            "head_checksum": self.head_checksum,
            "before": None if self.before is None else self.before.to_json(),
        }

    @classmethod
    def from_json(cls, value: object) -> "Position":
        """The opposite of `to_json`. Raises ValueError for anything else."""
        if not isinstance(value, dict):
            raise ValueError("a position is not a JSON object")
        before = value.get("before")
        return cls(
            _count(value, "inode"),
            _count(value, "offset"),
            _count(value, "head_length"),
            _count(value, "head_checksum"),
            None if before is None else cls.from_json(before),
        )


class Replaced(Exception):
    """The file no longer holds what was read from it: it was truncated and written anew."""


class OpenLog:
    """An open file and how much of it has been read. Its owner must close() it."""

    def __init__(self, descriptor: int, offset: int = 0, head: bytes = b"") -> None:
        self._descriptor = descriptor
        self._offset = offset
        self._head = head
        # The start of a line, from _offset on.
        self._torn = b""
        # Bytes read, and not kept, of a line that is too long; 0 outside such a line.
        self._skipped = 0
        self.inode = os.fstat(descriptor).st_ino

    @classmethod
    def open(cls, path: Path) -> "OpenLog":
        """Open at the first line. Raises OSError."""
        return cls(open_regular(path))

    @classmethod
    def open_at(cls, path: Path, position: Position) -> "OpenLog | None":
        """Open where an earlier reader was, None if `path` is another file. Raises OSError."""
        try:
            descriptor = open_regular(path)
        except FileNotFoundError:
            return None
        found = os.fstat(descriptor)
        same_inode = found.st_ino == position.inode
        head = os.pread(descriptor, position.head_length, 0)
        if (
            len(head) == position.head_length
            and crc32(head) == position.head_checksum
            # A copy has another inode, but only a full head tells one file from another.
            and (same_inode or position.head_length == HEAD_BYTES)
            and (same_inode or found.st_size >= position.offset)
        ):
            return cls(descriptor, position.offset, head)
        os.close(descriptor)
        return None

    def position(self, before: Position | None = None) -> Position:
        """Where to go on after a restart."""
        return Position(self.inode, self._offset, len(self._head), crc32(self._head), before)

    @property
    def incomplete(self) -> bool:
        """Whether the file ends, as far as it has been read, in the middle of a line."""
        return bool(self._torn or self._skipped)

    @property
    def unread_bytes(self) -> int:
        """How much of the file has not been read."""
        read = self._offset + len(self._torn) + self._skipped
        return max(0, os.fstat(self._descriptor).st_size - read)

    @property
    def deleted(self) -> bool:
        """Whether no folder holds the file any more."""
        return os.fstat(self._descriptor).st_nlink == 0

    def is_before(self, path: Path) -> bool:
        """Whether the first request in this file is not later than the first one in `path`.

        True also if one of them does not start with a request. Not by the time of the last
        change: after a rotation nginx may write to the old file later than to the new one.
        """
        mine = _first_time(os.pread(self._descriptor, HEAD_BYTES, 0))
        try:
            with path.open("rb") as file:
                other = _first_time(file.read(HEAD_BYTES))
        except FileNotFoundError:
            return False
        return mine is None or other is None or mine <= other

    def close(self) -> None:
        """Give the file back. Nothing else may be called afterwards."""
        os.close(self._descriptor)

    @property
    def replaced(self) -> bool:
        """Whether the file no longer starts with what was read from there."""
        return os.pread(self._descriptor, len(self._head), 0) != self._head

    def read(self, size: int) -> bytes:
        """Up to `size` new bytes for `lines`, b"" at the end. Raises Replaced, OSError."""
        start = self._offset + len(self._torn) + self._skipped
        data = os.pread(self._descriptor, size, start)
        # Looked at after reading, so that a truncation in between cannot pass unseen.
        if self.replaced:
            raise Replaced
        if data:
            if len(self._head) < HEAD_BYTES:
                self._head = (self._head[:start] + data)[:HEAD_BYTES]
        elif (end := os.fstat(self._descriptor).st_size) < start:
            # Cut short, but what is left has been delivered before: go on at the cut.
            self._offset = min(self._offset, end)
            self._torn, self._skipped = b"", 0
        return data

    def lines(self, data: bytes) -> tuple[list[bytes], int]:
        """The lines that `data`, as read, completes; and how many were too long to keep."""
        too_long = 0
        if self._skipped:
            end = data.find(b"\n") + 1
            self._skipped += end or len(data)
            if not end:
                return [], 0
            self._offset += self._skipped
            self._skipped = 0
            data = data[end:]
            too_long = 1
        data = self._torn + data
        lines = data.split(b"\n")
        self._torn = lines.pop()
        self._offset += len(data) - len(self._torn)
        if len(self._torn) > MAX_LINE_BYTES:
            self._torn, self._skipped = b"", len(self._torn)
        if len(data) > MAX_LINE_BYTES:
            short = [line for line in lines if len(line) <= MAX_LINE_BYTES]
            too_long += len(lines) - len(short)
            lines = short
        return lines, too_long


def rotated(path: Path) -> list[Path]:
    """PATH.1, PATH.2, ... that exist, the latest first. Raises OSError."""
    pattern = re.compile(re.escape(path.name) + r"\.([0-9]+)")
    if not path.parent.is_dir():
        return []
    found = [
        (int(match[1]), other)
        for other in path.parent.iterdir()
        if (match := pattern.fullmatch(other.name)) and other.is_file()
    ]
    return [other for _, other in sorted(found)]


def _first_time(head: bytes) -> float | None:
    found = _TIME.match(head)
    return None if found is None else float(found[1])


def _count(value: dict[object, object], key: str) -> int:
    number = value.get(key)
    if type(number) is not int or number < 0:
        raise ValueError(f"{key} of a position is not a count")
    return number
