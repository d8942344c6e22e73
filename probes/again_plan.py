"""When and from which address each request of a recording is sent again: pure.

Every request is followed by its twin, which asks the other version the same, so two of them
count against the allowance of an address. Users and addresses are not tied as they are in
probes.traffic_plan: at ten times the speed the busiest user alone asks more than one address may.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.errors import ConfigurationError
from probes.recorded import Recorded
from probes.sources import PER_SOURCE
from probes.traffic_plan import MAX_DURATION, MAX_REQUESTS

MOST: Final = MAX_REQUESTS // 2
"""Requests of a recording; each is sent twice."""
MAX_SPEED: Final = 1000.0
PAIR_S: Final = 2 / PER_SOURCE
"""Seconds from one request to the next of the same address."""


@dataclass(frozen=True, slots=True)
class Again:
    """One request of the plan."""

    number: int
    due: float
    """Seconds after the start."""
    user: str
    group: str
    text: int
    """Index into the corpus."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is to be sent."""

    by_source: tuple[tuple[Again, ...], ...]
    """For each address its requests, in order."""
    seconds: float
    """When the last one is due."""
    asked_seconds: float
    """When it would be if the addresses had no limit."""

    @property
    def requests(self) -> int:
        """How many there are, twins not counted."""
        return sum(map(len, self.by_source))


def read_speed(text: str) -> float:
    """SPEED as a person typed it. Raises ConfigurationError."""
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not 0 < speed <= MAX_SPEED:
        fix = f"give a number above 0 and up to {MAX_SPEED:g}, such as SPEED=10"
        raise ConfigurationError(f"SPEED={text}", "not a speed", fix)
    return speed


def plan(recorded: Sequence[Recorded], speed: float, sources: int, texts: int) -> Plan:
    """`recorded`, in the order of time, at `speed` times the pace, from so many addresses.

    What an address may not send yet waits. Raises ConfigurationError if there is nothing to
    send, or if it would take longer than a day.
    """
    if not recorded:
        raise ConfigurationError("the recording", "no request to send again", "record some traffic")
    by_source: list[list[Again]] = [[] for _ in range(min(sources, len(recorded)))]
    start = recorded[0].at
    last = 0.0
    for number, request in enumerate(recorded):
        mine = by_source[number % len(by_source)]
        due = (request.at - start) / speed
        if mine:
            due = max(due, mine[-1].due + PAIR_S)
        mine.append(Again(number, due, request.user, request.group, request.text(texts)))
        last = max(last, due)
    if last > MAX_DURATION:
        fix = f"give a higher SPEED, at most {MAX_SPEED:g}, or a shorter recording"
        raise ConfigurationError("the recording", "takes longer than a day", fix)
    asked = (recorded[-1].at - start) / speed
    return Plan(tuple(map(tuple, by_source)), last, asked)
