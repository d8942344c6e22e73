"""The access log from now on: what a probe reads to find its own requests."""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

from gateway.follow import Follower, Position
from gateway.open_log import HEAD_BYTES

LOG = Path("var/logs/access.jsonl")
"""Below the root of the workspace."""


def follow_from_end(root: Path) -> Follower:
    """A reader that delivers only what is logged after this call. Raises OSError.

    Its owner must close() it.
    """
    path = root / LOG
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            inode, size = path.stat().st_ino, path.stat().st_size
    except FileNotFoundError:
        return Follower(path)
    return Follower(path, Position(inode, size, len(head), crc32(head)))
