"""Reads the two logs of the gateway for the step that a rollout is at.

What was read, and what was noticed of restarts meanwhile, can be read again in the same order
(rollout.bookmark): an engine that is killed and started again has seen what it had seen.
"""

from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway import accesslog, shadow_log
from gateway.follow import LineFollower
from gateway.open_log import Position
from rollout import bookmark as bookmarks
from rollout.bookmark import Bookmark, Restart
from rollout.candidate import Run
from rollout.observe import Observations, Observer
from rollout.plan import Plan
from rollout.state import State

ACCESS: Final = Path("var/logs/access.jsonl")
SHADOW: Final = Path(shadow_log.FILE)
AT_ONCE: Final = 16 << 20
"""Bytes of the access log that one read() takes at most: some 30,000 requests."""
_CHUNK: Final = 1 << 18


class Reading:
    """What a step has shown so far."""

    def __init__(self, root: Path, versions: Mapping[str, str], candidate: frozenset[str]) -> None:
        """`versions`: "v1" or "v2" by address; `candidate`: the names of its instances."""
        self._root = root
        self._versions = versions
        self._candidate = candidate
        self._access = LineFollower(root / ACCESS, accesslog.parse)
        self._shadow = LineFollower(root / SHADOW, shadow_log.parse)
        self._copies: deque[shadow_log.Shadow] = deque()
        self._observer: Observer | None = None
        self._mark = Bookmark(0.0, 0.0)
        self._requests = 0
        self._again: deque[Restart] = deque()
        self.caught_up = False
        """Whether the last read() came to the end of both logs."""

    @property
    def seen(self) -> Observations:
        """What the step has shown."""
        return Observations() if self._observer is None else self._observer.snapshot()

    @property
    def unplanned(self) -> int:
        """Restarts of the candidate in this step that nobody asked for."""
        return self._mark.unplanned

    def begin(
        self,
        plan: Plan,
        state: State,
        warm_from: float,
        runs: Mapping[str, Run],
        fresh: bool,
    ) -> None:
        """A step begins. Raises OSError.

        `fresh`: what is in the logs by now does not matter, it is the first of a rollout.
        `warm_from`: since when the gateway does what `state` says.
        """
        if fresh:
            ends = [bookmarks.end_of(self._root / log) for log in (ACCESS, SHADOW)]
            self._follow(*ends)
        elif self._observer is None:
            # Decided by a process that was killed: its position is one before the step began.
            found = bookmarks.load(self._root)
            self._follow(*((found.access, found.shadow) if found else (None, None)))
        access, shadow = self._access.position, self._shadow.position
        self._mark = Bookmark(state.began, warm_from, access, shadow, runs=dict(runs))
        self._observe(plan, state)
        bookmarks.save(self._root, self._mark)

    def resume(self, plan: Plan, state: State) -> None:
        """A step began before this process did: read it again. Raises OSError."""
        found = bookmarks.load(self._root)
        if found is None or found.began != state.began:
            # Killed before it could be written: positions of an earlier step will do.
            access, shadow = (found.access, found.shadow) if found else (None, None)
            runs = found.runs if found else {}
            found = Bookmark(state.began, state.changed, access, shadow, runs=runs)
        self._mark = found
        self._follow(found.access, found.shadow)
        self._observe(plan, state)

    def notice(self, runs: Mapping[str, Run]) -> None:
        """What is known of the processes now. Raises OSError."""
        mark = self._mark.noticed(dict(runs), self._candidate, self._requests)
        if mark is self._mark:
            return
        if self._observer is not None:
            for restart in mark.restarts[len(self._mark.restarts) :]:
                self._observer.restarted(restart.time)
        self._mark = mark
        bookmarks.save(self._root, mark)

    def read(self) -> None:
        """Fold what is new, up to AT_ONCE bytes. Raises OSError."""
        self.caught_up = False
        if self._observer is None:
            return
        left = AT_ONCE
        while left > 0:
            for access in self._access.read(_CHUNK):
                self._copies_until(access.time)
                self._fold(access)
            if self._access.caught_up:
                self._copies_until(float("inf"))
                self._restart_again()
                self.caught_up = self._shadow.caught_up
                return
            left -= _CHUNK

    def close(self) -> None:
        """Close the logs."""
        self._access.close()
        self._shadow.close()

    def _follow(self, access: Position | None, shadow: Position | None) -> None:
        self.close()
        self._copies.clear()
        self._access = LineFollower(self._root / ACCESS, accesslog.parse, access)
        self._shadow = LineFollower(self._root / SHADOW, shadow_log.parse, shadow)

    def _observe(self, plan: Plan, state: State) -> None:
        self._observer = Observer(
            plan, state.weight, state.began, self._mark.warm_from, self._versions
        )
        self._requests = 0
        self._again = deque(self._mark.restarts)
        self.caught_up = False

    def _fold(self, access: accesslog.Access) -> None:
        if self._observer is None or access.time < self._mark.began:
            return
        self._restart_again()
        self._observer.request(access)
        self._requests += 1

    def _restart_again(self) -> None:
        """What had been noticed when this much had been read."""
        while self._again and self._again[0].after <= self._requests:
            restart = self._again.popleft()
            if self._observer is not None:
                self._observer.restarted(restart.time)

    def _copies_until(self, time: float) -> None:
        """Copies in the order of the requests: one waits for the other for a bounded time only."""
        while True:
            while self._copies and self._copies[0].time <= time:
                copy = self._copies.popleft()
                if self._observer is not None:
                    self._observer.copy(copy)
            if self._copies:
                return
            self._copies.extend(self._shadow.read(_CHUNK))
            if not self._copies:
                return
