"""The last minutes of a log of nginx, read from its end: the log may be long, and rotated.

Lines are one JSON object each and begin with their time (nginx/conf.d/logging.conf).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from gateway.accesslog import BadLine
from gateway.open_log import rotated

MAX_BYTES = 64 << 20
"""How much is read at most: some 120,000 requests, about a second of work."""
_BLOCK_BYTES = 1 << 20
# Two workers write: a line may stand after one that is a little younger.
_DISORDER_S = 2.0
_TIME = re.compile(rb'\{"time":"([0-9]+\.[0-9]+)"')

Line = TypeVar("Line")


@dataclass(frozen=True, slots=True)
class Tail(Generic[Line]):
    """The end of a log."""

    lines: tuple[Line, ...]
    """In the order of the file, the oldest first."""
    complete: bool
    """False if MAX_BYTES were not enough to go back as far as was asked."""


def read_tail(path: Path, since: float, parse: Callable[[bytes], Line]) -> Tail[Line]:
    """Every line that was written after `since` (seconds since the epoch).

    `parse` raises BadLine for what is none; such a line is left out. Also looks into the
    rotated files (PATH.1 and so on). Raises OSError if a file cannot be read.
    """
    found: list[Line] = []
    left = MAX_BYTES
    for file in (path, *rotated(path)):
        data, left, reached = _end_of(file, since - _DISORDER_S, left)
        lines = []
        for line in data.split(b"\n"):
            match = _TIME.match(line)
            if match is None or float(match[1]) < since:
                continue
            try:
                lines.append(parse(line))
            except BadLine:
                continue
        found = lines + found
        if reached or left <= 0:
            return Tail(tuple(found), reached)
    return Tail(tuple(found), True)


def _end_of(file: Path, since: float, left: int) -> tuple[bytes, int, bool]:
    """The end of a file, how much may still be read, and whether it goes back to `since`."""
    try:
        opened = file.open("rb")
    except FileNotFoundError:
        return b"", left, False
    with opened:
        start = opened.seek(0, 2)
        blocks: list[bytes] = []
        while start > 0 and left > 0:
            size = min(_BLOCK_BYTES, start, left)
            start -= size
            left -= size
            opened.seek(start)
            blocks.insert(0, opened.read(size))
            if (first := _first_time(blocks[0], start == 0)) is not None and first < since:
                return b"".join(blocks), left, True
        # Cut in the middle of a line: what is left of it does not begin with a time.
        return b"".join(blocks), left, False


def _first_time(block: bytes, at_start: bool) -> float | None:
    """The time of the first whole line of a block."""
    begin = 0 if at_start else block.find(b"\n") + 1
    match = _TIME.match(block, begin)
    return None if match is None else float(match[1])
