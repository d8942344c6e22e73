"""What the rate-limit test has shown: the limit as the files state it, the plan, each answer."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

from dashboard.trials.base import Step
from gateway.errors import Place
from probes.limit_files import RateLimit
from probes.ratelimit import Judgement, Plan, Shot, judge
from probes.verdict import Verdict

MAX_VOLLEYS = 12
"""Volleys before the present one that are kept."""


@dataclass(frozen=True, slots=True)
class LimitRead:
    """What the files said when they were last read."""

    target: str
    """Method and path of what is limited."""
    limit: RateLimit | None
    """None if there is none, or if the files could not be read."""
    request: str
    """The shell command of one such request; prints the status alone."""
    problem: str = ""
    """Why they could not be read, "" if they were."""

    def to_json(self) -> dict[str, Any]:
        """As a recording keeps it."""
        limit = None if self.limit is None else _limit_to_json(self.limit)
        return {
            "kind": "limit",
            "target": self.target,
            "limit": limit,
            "request": self.request,
            "problem": self.problem,
        }


@dataclass(frozen=True, slots=True)
class Volley:
    """One that is over, in short."""

    at: float
    """When it ended, in seconds since the epoch."""
    plan: Plan
    passed: int
    expected: tuple[int, int]
    verdict: Verdict

    def to_json(self) -> dict[str, Any]:
        """As a part of a step."""
        return {
            "at": self.at,
            "requests": self.plan.requests,
            "rate": self.plan.rate,
            "passed": self.passed,
            "expected": list(self.expected),
            "verdict": self.verdict.value,
        }


@dataclass(frozen=True, slots=True)
class Before:
    """The volleys before this one, the latest first."""

    volleys: tuple[Volley, ...]

    def to_json(self) -> dict[str, Any]:
        """As a recording keeps it."""
        return {"kind": "before", "volleys": [volley.to_json() for volley in self.volleys]}


@dataclass(frozen=True, slots=True)
class Sending:
    """A volley begins."""

    plan: Plan
    source: str
    """The address that it is sent from, "" for the one that the system chooses."""

    def to_json(self) -> dict[str, Any]:
        """As a recording keeps it."""
        return {
            "kind": "sending",
            "requests": self.plan.requests,
            "rate": self.plan.rate,
            "source": self.source,
        }


@dataclass(frozen=True, slots=True)
class Answered:
    """One request has been answered, or it is certain that it will not be."""

    shot: Shot

    def to_json(self) -> dict[str, Any]:
        """As a recording keeps it."""
        return {"kind": "answered", **asdict(self.shot)}


RateLimitStep: TypeAlias = LimitRead | Before | Sending | Answered


@dataclass(slots=True)
class RateLimitState:
    """What is known so far."""

    read: LimitRead | None = None
    """What the files say; None before they were read."""
    sending: Sending | None = None
    """The volley; None before the first one."""
    limit: RateLimit | None = None
    """The limit when it began, which is what it is compared with."""
    shots: list[Shot] = field(default_factory=list)
    """Its answers, as they came."""
    before: tuple[Volley, ...] = ()
    """Those before it, the latest first."""

    def apply(self, step: RateLimitStep) -> None:
        """Fold one step in."""
        match step:
            case LimitRead():
                self.read = step
            case Before():
                self.before = step.volleys
            case Sending():
                self.sending, self.shots = step, []
                self.limit = None if self.read is None else self.read.limit
            case Answered():
                self.shots.append(step.shot)

    @property
    def outcome(self) -> Verdict | None:
        """Whether as many passed as the files say."""
        judgement = self.judgement()
        return None if judgement is None else judgement.verdict

    @property
    def complete(self) -> bool:
        """Whether the fate of every request is known."""
        return self.sending is not None and len(self.shots) >= self.sending.plan.requests

    def judgement(self) -> Judgement | None:
        """What the volley has come to; None before there is one with a limit."""
        if self.sending is None or self.limit is None or not self.shots:
            return None
        return judge(self.shots, self.limit, self.sending.plan)

    def volleys(self, ended: float | None) -> tuple[Volley, ...]:
        """Those before, and this one if it is complete; `ended` says when that was."""
        judgement = self.judgement()
        if self.sending is None or judgement is None or ended is None or not self.complete:
            return self.before
        plan, passed, expected = self.sending.plan, judgement.passed, judgement.expected
        this = Volley(ended, plan, passed, expected, judgement.verdict)
        return (this, *self.before)[:MAX_VOLLEYS]

    def recovery_s(self) -> float:
        """How long after the volley its address has the whole allowance again, at most."""
        if self.limit is None:
            return 0.0
        passed = sum(shot.status == 200 for shot in self.shots)
        return min(passed, self.limit.at_once) / self.limit.rate


def step_from_json(value: dict[str, Any]) -> Step:
    """The inverse of `to_json`. Raises ValueError, KeyError, TypeError."""
    match value["kind"]:
        case "limit":
            limit = None if value["limit"] is None else _limit_from_json(value["limit"])
            return LimitRead(
                str(value["target"]), limit, str(value["request"]), str(value["problem"])
            )
        case "sending":
            return Sending(_plan(value), str(value["source"]))
        case "before":
            return Before(tuple(map(_volley, value["volleys"])))
        case "answered":
            status = None if value["status"] is None else int(value["status"])
            sent, answered = float(value["sent"]), float(value["answered"])
            return Answered(Shot(int(value["number"]), sent, answered, status))
    raise ValueError(f"unknown step {value['kind']!r}")


def _plan(value: dict[str, Any]) -> Plan:
    rate = None if value["rate"] is None else float(value["rate"])
    return Plan(int(value["requests"]), rate)


def _volley(value: dict[str, Any]) -> Volley:
    least, most = map(int, value["expected"])
    return Volley(
        at=float(value["at"]),
        plan=_plan(value),
        passed=int(value["passed"]),
        expected=(least, most),
        verdict=Verdict(value["verdict"]),
    )


def _limit_to_json(limit: RateLimit) -> dict[str, Any]:
    return {
        "per_minute": limit.per_minute,
        "burst": limit.burst,
        "delayed": limit.delayed,
        "status": limit.status,
        "file": limit.place.file,
        "line": limit.place.line,
    }


def _limit_from_json(value: dict[str, Any]) -> RateLimit:
    line = None if value["line"] is None else int(value["line"])
    per_minute = int(value["per_minute"])
    if per_minute <= 0:
        raise ValueError(f"per_minute {per_minute}")
    return RateLimit(
        per_minute=per_minute,
        burst=int(value["burst"]),
        delayed=bool(value["delayed"]),
        status=int(value["status"]),
        place=Place(str(value["file"]), line),
    )
