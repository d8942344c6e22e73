"""Runs of the checks as events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dashboard.events import Event, TrialBegun, TrialEnded, TrialStep
from dashboard.trials.base import TrialName
from dashboard.trials.checks import Begun, ChecksStep, Down, Listed, Outcome, Promise
from probes.checks.registry import CHECKS
from probes.verdict import Verdict
from tests.dashboard.stories import START

TRIAL = TrialName.CHECKS
AT = START + 80.0
"""When the checks were begun."""
IDS = tuple(check.id for check in CHECKS)
PROMISES = tuple(Promise(c.id, c.title, f"curl -sS -i https://x/{c.id}") for c in CHECKS)
LISTED = Listed(PROMISES)
EVIDENCE = {
    "tls": "TLS 1.0 refused, TLS 1.1 refused, TLS 1.2 ok, TLS 1.3 ok",
    "balance": "v1-1 32, v1-2 32, v1-3 32 of 96; chi-square p = 1, alpha 0.001",
    "rate-limit": "30 of 42 passed within 0.02 s, expected 21 (burst 20 + 1 at once, then 10 a "
    "second: nginx/conf.d/servers.conf:84)",
}
DOWN = (
    "process-compose: running",
    "nginx ended with code 1: see var/logs/nginx.log",
    "  nginx said last: nginx: [emerg] unknown directive",
    "port 8443 (gateway HTTPS) at 127.0.0.1: nothing answers",
    "fix: correct what their logs say, then `make start-project`, which starts what has ended",
)


def outcome(name: str, verdict: Verdict = Verdict.PASSED, at: float = AT + 0.5) -> Outcome:
    """The result of one check."""
    evidence = EVIDENCE.get(name, f"what {name} saw")
    return Outcome(at, name, verdict, evidence, 0.25, f"curl -sS -i https://x/{name}")


def step(step: ChecksStep, at: float = AT) -> TrialStep:
    """One of them as an event."""
    return TrialStep(at, TRIAL, step)


def ran(
    verdicts: Mapping[str, Verdict],
    wanted: Sequence[str] = IDS,
    earlier: Sequence[Outcome] = (),
    at: float = AT,
) -> Iterator[Event]:
    """A run with these results; those of `wanted` that are not among them are still to come."""
    yield TrialBegun(at, TRIAL)
    yield step(Begun(at, tuple(wanted), tuple(earlier)), at)
    yield step(LISTED, at)
    for number, (name, verdict) in enumerate(verdicts.items(), start=1):
        then = at + number / 4
        yield step(outcome(name, verdict, then), then)


def all_passed() -> dict[str, Verdict]:
    """Every check."""
    return dict.fromkeys(IDS, Verdict.PASSED)


def mixed() -> dict[str, Verdict]:
    """One of each kind among them."""
    return all_passed() | {
        "rate-limit": Verdict.FAILED,
        "errors": Verdict.ERROR,
        "request-id": Verdict.INCONCLUSIVE,
        "balance": Verdict.NOT_MEASURED,
    }


def down() -> Iterator[Event]:
    """A stack that cannot be asked."""
    yield from ran({})
    yield step(Down(DOWN))
    yield ended(AT + 0.1)


def ended(at: float, problem: str = "", *, stopped: bool = False) -> TrialEnded:
    """The end of a run."""
    return TrialEnded(at, TRIAL, problem, stopped)
