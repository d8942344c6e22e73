"""What a trial is: a test that somebody fires, told step by step."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from probes.verdict import Verdict


class TrialName(Enum):
    """Which test. The value is what a recording calls it."""

    AB = "ab"
    RATE_LIMIT = "rate-limit"
    CHECKS = "checks"
    DRILL = "drill"

    @property
    def label(self) -> str:
        """As on the screen."""
        return {"ab": "A/B test", "rate-limit": "rate-limit test", "checks": "checks"}.get(
            self.value, "kill drill"
        )


class Step(Protocol):
    """One thing that happened in a trial: a frozen dataclass of its module."""

    def to_json(self) -> dict[str, Any]:
        """As a recording keeps it; `kind` says which of the module's steps it is."""


class TrialState(Protocol):
    """Everything that the steps of a trial have shown so far."""

    def apply(self, step: Any) -> None:
        """Fold one step in."""

    @property
    def outcome(self) -> Verdict | None:
        """What they come to; None before there is anything to judge."""


@dataclass(slots=True)
class Trial:
    """The last run of one test."""

    state: TrialState
    begun: float
    """Seconds since the epoch."""
    ended: float | None = None
    """None while it runs."""
    problem: str = ""
    """Why it could not be finished, "" if it was."""
    stopped: bool = False
    """By a person."""

    @property
    def running(self) -> bool:
        """Whether more steps will come."""
        return self.ended is None
