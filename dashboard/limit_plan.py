"""Which bursts can be chosen for a limit, what they should come to, and how a shell sends them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from probes.limit_files import RateLimit
from probes.ratelimit import MAX_REQUESTS, Plan, Shot, default_plan, judge

_REQUESTS = (1, 2, 5, 10, 15, 30, 60, 80, 100, 120, MAX_REQUESTS)
_RATES = (0.5, 0.8, 1.0, 1.2, 1.5, 2.0, 5.0)
"""Parts of the rate that the limit allows."""
_SLOWEST, _FASTEST = 0.1, 1000.0
_AT_ONCE = float("inf")


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What the limit lets through of a plan that is sent exactly on time."""

    least: int
    most: int
    shots: tuple[Shot, ...]


def requests_to_choose(limit: RateLimit) -> tuple[int, ...]:
    """Numbers of requests, ascending; those around the edge of the limit are among them."""
    edge = (limit.burst, limit.at_once, limit.at_once + 1, default_plan(limit).requests)
    return tuple(sorted({n for n in (*_REQUESTS, *edge) if 1 <= n <= MAX_REQUESTS}))


def rates_to_choose(limit: RateLimit) -> tuple[float | None, ...]:
    """Rates, ascending: around the one of the limit, and last None, which is all at once."""
    rates = {float(f"{part * limit.rate:.3g}") for part in _RATES}
    return (*sorted(r for r in rates if _SLOWEST <= r <= _FASTEST), None)


def more_requests(plan: Plan, limit: RateLimit, by: int) -> Plan:
    """The next larger number (`by` 1) or the next smaller one (-1), if there is one."""
    choices = requests_to_choose(limit)
    return Plan(choices[_next(choices, plan.requests, by)], plan.rate)


def more_rate(plan: Plan, limit: RateLimit, by: int) -> Plan:
    """The next faster rate (`by` 1) or the next slower one (-1), if there is one."""
    choices = rates_to_choose(limit)
    speeds = [_AT_ONCE if rate is None else rate for rate in choices]
    present = _AT_ONCE if plan.rate is None else plan.rate
    return Plan(plan.requests, choices[_next(speeds, present, by)])


def foresee(plan: Plan, limit: RateLimit) -> Foreseen:
    """What has to come of `plan`."""
    times = [0.0 if plan.rate is None else number / plan.rate for number in range(plan.requests)]
    shots = tuple(
        Shot(number, at, at, 200 if passed else limit.status)
        for number, (at, passed) in enumerate(zip(times, limit.passes(times), strict=True))
    )
    least, most = judge(shots, limit, plan).expected
    return Foreseen(least, most, shots)


def command(request: str, plan: Plan) -> str:
    """The same by a shell, counted by status; `request` prints the status of one request."""
    pause = "" if plan.rate is None else f" sleep {1 / plan.rate:.4g};"
    return f"for n in $(seq {plan.requests}); do {request} &{pause} done | sort | uniq -c"


def words(plan: Plan) -> str:
    """42 requests all at once."""
    return f"{count_words(plan)} {rate_words(plan)}"


def count_words(plan: Plan) -> str:
    """How many, for a person."""
    return f"{plan.requests} request{'' if plan.requests == 1 else 's'}"


def rate_words(plan: Plan) -> str:
    """How fast, for a person."""
    return "all at once" if plan.rate is None else f"at {plan.rate:g} a second"


def _next(choices: tuple[float, ...] | list[float], present: float, by: int) -> int:
    """The index of the neighbour of `present`, which need not be one of the choices."""
    index = bisect_right(choices, present) if by > 0 else bisect_left(choices, present) - 1
    return max(0, min(len(choices) - 1, index))
