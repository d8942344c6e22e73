"""A rate-limit test as events: the limit is read, a burst is sent, each answer comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dashboard.events import Event, TrialBegun, TrialEnded, TrialStep
from dashboard.trials.base import TrialName
from dashboard.trials.ratelimit import (
    Answered,
    Before,
    LimitRead,
    RateLimitStep,
    Sending,
    Volley,
)
from gateway.errors import Place
from probes.limit_files import RateLimit
from probes.ratelimit import Plan, Shot
from probes.verdict import Verdict
from tests.dashboard.stories import START

TRIAL = TrialName.RATE_LIMIT
LIMIT = RateLimit(600, 20, False, 429, Place("nginx/conf.d/servers.conf", 84))
READ = LimitRead("POST /predict", LIMIT, "curl -w '%{http_code}\\n' https://localhost:8443/predict")
SOURCE = "127.0.1.150"
AT = START + 80.0
"""When the test was fired."""


def burst(statuses: Sequence[int | None]) -> list[Shot]:
    """Answers to requests that were sent at once."""
    return [Shot(n, n / 10_000, 0.002 + n / 5_000, status) for n, status in enumerate(statuses)]


def as_expected(plan: Plan, limit: RateLimit = LIMIT) -> list[Shot]:
    """What a gateway with this limit answers."""
    times = [n / 10_000 if plan.rate is None else n / plan.rate for n in range(plan.requests)]
    marks = limit.passes(times)
    return [
        Shot(n, at, at + 0.003, 200 if passed else limit.status)
        for n, (at, passed) in enumerate(zip(times, marks, strict=True))
    ]


def step(step: RateLimitStep, at: float = AT) -> TrialStep:
    """One of them as an event."""
    return TrialStep(at, TRIAL, step)


def begun(plan: Plan, shots: Sequence[Shot] = (), *before: Volley) -> Iterator[Event]:
    """A volley that still runs."""
    yield TrialBegun(AT, TRIAL)
    yield step(Before(before))
    yield step(READ)
    yield step(Sending(plan, SOURCE))
    for shot in shots:
        yield step(Answered(shot), AT + shot.answered)


def ended(problem: str = "", *, stopped: bool = False, at: float = AT + 0.1) -> TrialEnded:
    """The end of it."""
    return TrialEnded(at, TRIAL, problem, stopped)


def before() -> tuple[Volley, ...]:
    """Two earlier ones, of which one was let through too far."""
    return (
        Volley(AT - 70, Plan(21), 21, (21, 21), Verdict.PASSED),
        Volley(AT - 130, Plan(60, 12.0), 47, (40, 42), Verdict.FAILED),
    )
