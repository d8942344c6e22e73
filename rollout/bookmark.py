"""Where in the logs the present step began: var/rollout/bookmark.json.

An engine that is started again reads the logs from there, and comes to what it had seen. A bookmark
of an earlier step does no harm: what ended before the step began is left out anyway.
"""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from gateway import plain_json
from gateway.atomic import replace_file
from gateway.open_log import HEAD_BYTES, Position
from rollout.candidate import Run
from rollout.store import FOLDER
from rollout.typed import made

FILE: Final = FOLDER / "bookmark.json"


@dataclass(frozen=True, slots=True)
class Restart:
    """An instance was started again."""

    time: float
    """Seconds since the epoch."""
    after: int
    """So many requests of this step had been read when it was noticed: read again, the same
    ones come before it."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """What it takes to read a step again."""

    began: float
    """Of the state to which it belongs (State.began)."""
    warm_from: float
    """When the gateway began to do what the state says; the warm-up starts there."""
    access: Position | None = None
    """None: there was no log."""
    shadow: Position | None = None
    restarts: tuple[Restart, ...] = ()
    unplanned: int = 0
    """Restarts of the candidate in this step that nobody asked for."""
    runs: dict[str, Run] = field(default_factory=dict)
    """The processes of the instances as they were last seen, by name."""

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "began": self.began,
            "warm_from": self.warm_from,
            "access": None if self.access is None else self.access.to_json(),
            "shadow": None if self.shadow is None else self.shadow.to_json(),
            "restarts": [[restart.time, restart.after] for restart in self.restarts],
            "unplanned": self.unplanned,
            "runs": {name: [run.pid, run.restarts, run.started] for name, run in self.runs.items()},
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Bookmark":
        """The inverse. Raises KeyError, TypeError or ValueError for anything else."""
        access, shadow = value["access"], value["shadow"]
        return made(
            cls,
            {name: value[name] for name in ("began", "warm_from", "unplanned")},
            access=None if access is None else Position.from_json(access),
            shadow=None if shadow is None else Position.from_json(shadow),
            restarts=tuple(
                made(Restart, {"time": at, "after": after}) for at, after in value["restarts"]
            ),
            runs={
                name: made(Run, {"pid": pid, "restarts": restarts, "started": started})
                for name, (pid, restarts, started) in value["runs"].items()
            },
        )

    def noticed(self, runs: dict[str, Run], candidate: frozenset[str], requests: int) -> "Bookmark":
        """With what has become of the processes; the same object where nothing has.

        `candidate`: the names of its instances; `requests`: how many of this step were read.
        """
        if runs == self.runs:
            return self
        restarts, unplanned = list(self.restarts), self.unplanned
        for name, run in runs.items():
            known = self.runs.get(name)
            if known is None:
                continue
            if run.pid != known.pid:
                restarts.append(Restart(run.started, requests))
            if name in candidate:
                # A process-compose that was started again counts from 0.
                more = run.restarts - known.restarts
                unplanned += more if more >= 0 else run.restarts
        runs = {**self.runs, **runs}
        return replace(self, restarts=tuple(restarts), unplanned=unplanned, runs=runs)


def load(root: Path) -> Bookmark | None:
    """The bookmark, None where there is no usable one. Raises OSError."""
    try:
        return Bookmark.from_json(plain_json.loads((root / FILE).read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # the step is read from the start of the logs


def save(root: Path, bookmark: Bookmark) -> None:
    """Raises OSError."""
    replace_file(root / FILE, json.dumps(bookmark.to_json()) + "\n")


def end_of(path: Path) -> Position | None:
    """The present end of a log, None where there is none. Raises OSError."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            # Behind the last whole line: a line that is being written is not lost.
            size = file.seek(0, 2)
            file.seek(max(0, size - HEAD_BYTES * 512))
            tail = file.read()
            inode = path.stat().st_ino
    except FileNotFoundError:
        return None
    size -= len(tail) - (tail.rfind(b"\n") + 1)
    return Position(inode, size, len(head), crc32(head))
