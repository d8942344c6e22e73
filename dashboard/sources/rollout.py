"""The rollout: what its engine wrote last, whether it lives, what a report says of quality."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dashboard.events import Event, LabelledAb, RolloutState, SourceName
from gateway import plain_json

if TYPE_CHECKING:
    from rollout.status import Status

STATUS = Path("var/rollout/status.json")
LOCK = Path("var/rollout/.lock")
"""Held by the engine while it runs (rollout.store)."""
REPORTS = Path("var/reports")
"""All below the root of the workspace."""
_NOT_MEASURED = "not measured"


class Rollout:
    """Reads the file that the engine writes about once a second."""

    name = SourceName.ROLLOUT
    period_s = 1.0

    def __init__(self, root: Path) -> None:
        self._root = root
        self._said: RolloutState | None = None
        self._report: tuple[Path | None, LabelledAb | None] = (None, None)

    def poll(self, now: float) -> Sequence[Event]:
        """What has changed. Raises ValueError for a file that is no status, OSError."""
        status = read_status(self._root)
        alive = status is not None and engine_lives(self._root, status.pid)
        found = RolloutState(now, status, alive, self._quality())
        said = self._said
        # The same again would only make a recording long.
        if said is not None and replace(said, at=now) == found:
            return []
        self._said = found
        return [found]

    def close(self) -> None:
        """There is nothing open between two polls."""

    def _quality(self) -> LabelledAb | None:
        newest = max(self._root.glob(f"{REPORTS}/ab-*.json"), default=None)
        if newest != self._report[0]:
            self._report = newest, labelled_report(self._root)
        return self._report[1]


def read_status(root: Path) -> Status | None:
    """What the engine wrote, None if none ever ran. Raises ValueError, OSError."""
    # Here, in the thread: the first picture needs nothing of what decides.
    from rollout.status import Status

    try:
        text = (root / STATUS).read_bytes()
    except FileNotFoundError:
        return None
    try:
        status = Status.from_json(plain_json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{STATUS} cannot be understood ({error}): see var/logs/rollout.log"
        ) from None
    # The events one by one are for `explain`, which reads the decision log: on a screen, and in
    # a recording, they would be most of the bytes of a second.
    seen = status.seen
    failed, slow = replace(seen.failed, run=None), replace(seen.slow, run=None)
    return replace(status, seen=replace(seen, failed=failed, slow=slow))


def engine_lives(root: Path, pid: int) -> bool:
    """Whether that process runs and has the lock: a pid alone may be another program's by now."""
    from gateway.process_table import alive

    if not alive(pid):
        return False
    try:
        lock = os.open(root / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def labelled_report(root: Path) -> LabelledAb | None:
    """The newest report of an A/B run that had labels, None if there is none."""
    for path in sorted(root.glob(f"{REPORTS}/ab-*.json"), reverse=True):
        # A report that was cut off, or is of another version, says nothing.
        with suppress(ValueError, KeyError, TypeError, OSError):
            said = json.loads(path.read_bytes())["judgements"]["quality"]
            outcome, reason = str(said["outcome"]), str(said["reason"])
            if outcome != _NOT_MEASURED:
                return LabelledAb(path.stat().st_mtime, outcome, reason)
    return None
