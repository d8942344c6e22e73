"""What the tests of the follower do with a log."""

import json
from pathlib import Path

from gateway.follow import Follower, Position
from tests.gateway.access_lines import line


def ids(follower: Follower, max_bytes: int = 1 << 20) -> list[str]:
    """Request ids of everything there is to read."""
    found = [access.request_id for access in follower.read(max_bytes)]
    while not follower.caught_up:
        found += [access.request_id for access in follower.read(max_bytes)]
    return found


def stored(position: Position | None) -> Position | None:
    """A position after it has been a file."""
    if position is None:
        return None
    return Position.from_json(json.loads(json.dumps(position.to_json())))


def append(path: Path, *texts: bytes) -> None:
    with path.open("ab") as file:
        file.write(b"".join(texts))


def entry(request_id: str) -> bytes:
    return line(request_id=request_id) + b"\n"
