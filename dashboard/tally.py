"""Counts of requests: exact, whatever their number, in memory that does not grow with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from gateway.accesslog import Access

GATEWAY = ""
"""Stands for nginx itself where no instance answered: 401, 404, 429, redirects."""
ALL = "*"
"""Every request, as the client saw it."""

_FINE_MS = 1000


class Tally:
    """What became of a set of requests.

    nginx logs durations in whole milliseconds, so counting by millisecond keeps them all:
    percentiles are those of every request, not of a sample.
    """

    __slots__ = ("answers", "fallbacks", "latency", "redirects", "retries", "strangers")

    def __init__(self) -> None:
        self.answers: dict[tuple[str, int], int] = {}
        """Requests by who answered (GATEWAY: nginx itself) and status."""
        self.latency: dict[str, dict[int, int]] = {}
        """Requests by duration in ms, for each instance that answered, and for ALL."""
        self.retries: dict[str, int] = {}
        """Attempts that nginx gave up, by the instance that failed."""
        self.redirects = 0
        """Answers of the plain HTTP server."""
        self.fallbacks = 0
        """Requests of the canary that the first version answered."""
        self.strangers: dict[str, int] = {}
        """Answers from where an instance should be by somebody who is not that instance."""

    def merge(self, other: Tally) -> None:
        """Add what `other` holds."""
        answers = self.answers
        for key, count in other.answers.items():
            answers[key] = answers.get(key, 0) + count
        for name, durations in other.latency.items():
            mine = self.latency.setdefault(name, {})
            for ms, count in durations.items():
                mine[ms] = mine.get(ms, 0) + count
        for own, others in ((self.retries, other.retries), (self.strangers, other.strangers)):
            for name, count in others.items():
                own[name] = own.get(name, 0) + count
        self.redirects += other.redirects
        self.fallbacks += other.fallbacks

    def minus(self, earlier: Tally) -> Tally:
        """What has come since this one was as `earlier`, a copy of it from then."""
        since = Tally()
        since.answers = _difference(self.answers, earlier.answers)
        since.retries = _difference(self.retries, earlier.retries)
        since.strangers = _difference(self.strangers, earlier.strangers)
        since.redirects = self.redirects - earlier.redirects
        since.fallbacks = self.fallbacks - earlier.fallbacks
        for name, durations in self.latency.items():
            if left := _difference(durations, earlier.latency.get(name, {})):
                since.latency[name] = left
        return since

    def copy(self) -> Tally:
        """One that no longer changes with this one."""
        copied = Tally()
        copied.merge(self)
        return copied

    def total(self, who: str | None = None, status_class: int | None = None) -> int:
        """Requests answered by `who` (None: anybody), with a status of that hundred."""
        return sum(
            count
            for (name, status), count in self.answers.items()
            if (who is None or name == who)
            and (status_class is None or status // 100 == status_class)
        )

    def with_status(self, status: int) -> int:
        """Requests that were answered with that status, by anybody."""
        return sum(count for (_, found), count in self.answers.items() if found == status)

    def percentile(self, who: str, percent: float) -> int | None:
        """The smallest duration in ms that `percent` of the requests did not exceed.

        The nearest-rank percentile; None if there was no request.
        """
        durations = self.latency.get(who)
        if not durations:
            return None
        rank = max(1, -(-sum(durations.values()) * percent // 100))
        seen = 0
        for ms in sorted(durations):
            seen += durations[ms]
            if seen >= rank:
                return ms
        raise AssertionError("a rank beyond the last request")


_Key = TypeVar("_Key")


def _difference(now: Mapping[_Key, int], then: Mapping[_Key, int]) -> dict[_Key, int]:
    return {key: left for key, count in now.items() if (left := count - then.get(key, 0))}


def merged(tallies: Iterable[Tally]) -> Tally:
    """The sum of several."""
    total = Tally()
    for tally in tallies:
        total.merge(tally)
    return total


def milliseconds(seconds: float) -> int:
    """Whole ms; above a second rounded to two digits, which bounds how many there can be."""
    ms = round(seconds * 1000)
    if ms < _FINE_MS:
        return ms
    step: int = 10 ** (len(str(ms)) - 2)
    return ms // step * step


def count(
    access: Access,
    who: str,
    failed: Iterable[str],
    tallies: Iterable[Tally],
    *,
    fallback: bool = False,
    stranger: bool = False,
) -> None:
    """Add one request that `who` answered to each of `tallies`.

    `failed` names the instances that nginx gave up on before; `fallback` is whether the
    version that the canary tries should have answered; `stranger` is whether it only came from
    where `who` should be.
    """
    key = (who, access.status)
    total_ms = milliseconds(access.request_time)
    own_ms = None
    if who and access.upstream_attempts:
        own = access.upstream_attempts[-1].time
        own_ms = None if own is None else milliseconds(own)
    for tally in tallies:
        answers = tally.answers
        answers[key] = answers.get(key, 0) + 1
        latency = tally.latency
        durations = latency.get(ALL)
        if durations is None:
            durations = latency[ALL] = {}
        durations[total_ms] = durations.get(total_ms, 0) + 1
        if own_ms is not None:
            durations = latency.get(who)
            if durations is None:
                durations = latency[who] = {}
            durations[own_ms] = durations.get(own_ms, 0) + 1
        for name in failed:
            tally.retries[name] = tally.retries.get(name, 0) + 1
        if access.server == "redirect":
            tally.redirects += 1
        if fallback:
            tally.fallbacks += 1
        if stranger:
            tally.strangers[who] = tally.strangers.get(who, 0) + 1
