"""The kill drill, step by step: whom it kills, how far it is, what it came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from probes.drill_report import Report, document, from_document
from probes.drill_run import Phase
from probes.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Chosen:
    """Whom it will kill, and under which load."""

    victim: str
    pid: int
    rate: float
    """Requests a second."""

    def to_json(self) -> dict[str, Any]:
        """As a recording keeps it."""
        return {"kind": "chosen", "victim": self.victim, "pid": self.pid, "rate": self.rate}


@dataclass(frozen=True, slots=True)
class Reached:
    """A phase has begun."""

    phase: Phase
    seconds: float
    """Since the load began."""

    def to_json(self) -> dict[str, Any]:
        """As a recording keeps it."""
        return {"kind": "reached", "phase": self.phase.value, "seconds": self.seconds}


@dataclass(frozen=True, slots=True)
class Counted:
    """How the load fares."""

    seconds: float
    """Since it began."""
    answered: int
    """Or given up."""
    wrong: int
    """Without a 200 at the first try."""

    def to_json(self) -> dict[str, Any]:
        """As a recording keeps it."""
        counts = {"answered": self.answered, "wrong": self.wrong}
        return {"kind": "counted", "seconds": self.seconds, **counts}


@dataclass(frozen=True, slots=True)
class Reported:
    """What it came to: the document of `drill --json`."""

    report: Report

    def to_json(self) -> dict[str, Any]:
        """As a recording keeps it."""
        return {"kind": "reported", "report": document(self.report)}


DrillStep: TypeAlias = Chosen | Reached | Counted | Reported


class DrillState:
    """What is known so far."""

    def __init__(self) -> None:
        self.chosen: Chosen | None = None
        self.phases: dict[Phase, float] = {}
        """When each phase began, in seconds since the load did."""
        self.counted: Counted | None = None
        """The latest."""
        self.report: Report | None = None

    def apply(self, step: DrillStep) -> None:
        """Fold one step in."""
        match step:
            case Chosen():
                self.chosen = step
            case Reached():
                self.phases[step.phase] = step.seconds
            case Counted():
                self.counted = step
            case Reported():
                self.report = step.report

    @property
    def outcome(self) -> Verdict | None:
        """That of the report."""
        return None if self.report is None else self.report.verdict


def step_from_json(value: dict[str, Any]) -> DrillStep:
    """The inverse of `to_json`. Raises ValueError, KeyError, TypeError."""
    match value["kind"]:
        case "chosen":
            return Chosen(str(value["victim"]), int(value["pid"]), float(value["rate"]))
        case "reached":
            return Reached(Phase(value["phase"]), float(value["seconds"]))
        case "counted":
            counts = int(value["answered"]), int(value["wrong"])
            return Counted(float(value["seconds"]), *counts)
        case "reported":
            return Reported(from_document(value["report"]))
    raise ValueError(f"unknown step {value['kind']!r}")
