"""Is v2 slower? The comparison of rollout.guardrail with "slow" as the event. Pure.

Slow is what takes longer than the 90th percentile of v1 at the same time: whatever slows the
whole machine moves the limit along, and of two equal versions both pass it equally often.
"""

from bisect import bisect_left, insort
from collections import deque
from typing import Final
from zlib import crc32

from rollout.guardrail import Comparison, ComparisonRule, Evidence

PERCENTILE: Final = 0.9
JUDGE_EVERY: Final = 5.0
"""Seconds in which one answer to a user is judged: a few busy users, whose inputs may be long
ones, are not half of the evidence."""
WINDOW: Final = 500
"""Answers of v1 of which the limit is taken."""
WINDOW_SECONDS: Final = 120.0
FEWEST_TIMES: Final = 50
"""Answers of v1 in the window below which nothing is judged."""
RESOLUTION: Final = 0.001
"""Seconds: nginx logs whole milliseconds."""


def untied(seconds: float, time: float, request_id: str) -> float:
    """A logged time, put somewhere in its millisecond by a draw that is always the same.

    Where many answers have the same time, "above the 90th percentile" would be far fewer than one
    in ten, and nearly all of them chance; equal versions stay equal.
    """
    return seconds + RESOLUTION * crc32(f"{time} {request_id}".encode()) / 2**32


class Slow:
    """Judges answers as they come."""

    def __init__(self, rule: ComparisonRule, weight: int) -> None:
        self._comparison = Comparison(rule, weight)
        self._times: deque[tuple[float, float]] = deque()
        self._sorted: list[float] = []
        self._judged: dict[str, float] = {}
        self._forgotten = 0.0

    def answer(self, v2: bool, user: str, time: float, seconds: float) -> None:
        """An answer to `user` at `time` that took so long."""
        limit = self.limit_at(time)
        # Before this answer itself becomes part of the limit.
        if limit is not None and time - self._judged.get(user, -JUDGE_EVERY) >= JUDGE_EVERY:
            self._judged[user] = time
            self._comparison.request(v2, user, seconds > limit)
            self._forget(time)
        if not v2:
            self._add(time, seconds)

    def limit_at(self, time: float) -> float | None:
        """Seconds above which an answer at `time` is slow; None with too few of v1 to say."""
        while self._times and (
            len(self._times) > WINDOW or self._times[0][0] < time - WINDOW_SECONDS
        ):
            _, oldest = self._times.popleft()
            del self._sorted[bisect_left(self._sorted, oldest)]
        if len(self._sorted) < FEWEST_TIMES:
            return None
        return self._sorted[int(PERCENTILE * len(self._sorted))]

    @property
    def limit(self) -> float | None:
        """The limit at the last answer of v1."""
        return self.limit_at(self._times[-1][0]) if self._times else None

    @property
    def reached(self) -> bool:
        """Whether v2 is slower beyond what is allowed."""
        return self._comparison.reached

    @property
    def evidence(self) -> Evidence:
        """Where the comparison stands."""
        return self._comparison.evidence

    def _add(self, time: float, seconds: float) -> None:
        self._times.append((time, seconds))
        insort(self._sorted, seconds)

    def _forget(self, time: float) -> None:
        """Keeps the users of some seconds, not all that ever were."""
        if time - self._forgotten >= JUDGE_EVERY:
            self._judged = {who: at for who, at in self._judged.items() if time - at < JUDGE_EVERY}
            self._forgotten = time
