"""What the checks have shown: the list, the last result of each, or why none can be run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from dashboard.trials.base import Step
from probes.verdict import Judgement, Verdict, worst


class Promise(NamedTuple):
    """One check, before it is run."""

    id: str
    title: str
    command: str
    """What a person can type to see the same."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Which checks there are, as the files were when they were last read."""

    promises: tuple[Promise, ...]
    problem: str = ""
    """Why the files could not be read, "" if they were."""

    def to_json(self) -> dict[str, Any]:
        """As a recording keeps it."""
        promises = [list(promise) for promise in self.promises]
        return {"kind": "list", "promises": promises, "problem": self.problem}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One check was run."""

    at: float
    """When it ended, in seconds since the epoch."""
    id: str
    verdict: Verdict
    evidence: str
    seconds: float
    command: str

    def to_json(self) -> dict[str, Any]:
        """As a recording keeps it."""
        return {
            "kind": "outcome",
            "at": self.at,
            "id": self.id,
            "verdict": self.verdict.value,
            "evidence": self.evidence,
            "seconds": self.seconds,
            "command": self.command,
        }


@dataclass(frozen=True, slots=True)
class Begun:
    """Some checks will be run, one after the other."""

    at: float
    ids: tuple[str, ...]
    earlier: tuple[Outcome, ...]
    """What is known from the runs before."""

    def to_json(self) -> dict[str, Any]:
        """As a recording keeps it."""
        earlier = [outcome.to_json() for outcome in self.earlier]
        return {"kind": "begun", "at": self.at, "ids": list(self.ids), "earlier": earlier}


@dataclass(frozen=True, slots=True)
class Down:
    """The stack cannot be asked; one fact a line, the fix last."""

    lines: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As a recording keeps it."""
        return {"kind": "down", "lines": list(self.lines)}


ChecksStep: TypeAlias = Listed | Begun | Outcome | Down


@dataclass(slots=True)
class ChecksState:
    """What is known so far."""

    promises: tuple[Promise, ...] = ()
    problem: str = ""
    """Why the list could not be made."""
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """The last result of each check, of whatever run."""
    wanted: tuple[str, ...] = ()
    """The checks of the last run, in its order."""
    done: set[str] = field(default_factory=set)
    """Those of them that were run."""
    since: float = 0.0
    """When the present one began: the run did, or the one before ended."""
    down: tuple[str, ...] = ()
    """Why the stack could not be asked, () if it could."""

    def apply(self, step: ChecksStep) -> None:
        """Fold one step in."""
        match step:
            case Listed():
                self.promises, self.problem = step.promises, step.problem
            case Begun():
                self.wanted, self.done, self.since = step.ids, set(), step.at
                self.outcomes = {outcome.id: outcome for outcome in step.earlier}
                self.down = ()
            case Outcome():
                self.outcomes[step.id] = step
                self.done.add(step.id)
                self.since = step.at
            case Down():
                self.down = step.lines

    @property
    def outcome(self) -> Verdict | None:
        """The worst of the results; as for `check`, what was not measured is no failure."""
        judged = [
            Judgement(each.verdict, "")
            for each in self.outcomes.values()
            if each.verdict is not Verdict.NOT_MEASURED
        ]
        return worst(judged).verdict if judged else None

    @property
    def present(self) -> str:
        """The check that runs, while any does; "" when all were run."""
        return next((name for name in self.wanted if name not in self.done), "")

    @property
    def waiting(self) -> tuple[str, ...]:
        """Those that come after it."""
        return tuple(name for name in self.wanted if name not in self.done)[1:]


def step_from_json(value: dict[str, Any]) -> Step:
    """The inverse of `to_json`. Raises ValueError, KeyError, TypeError."""
    match value["kind"]:
        case "list":
            promises = tuple(Promise(*map(str, each)) for each in value["promises"])
            return Listed(promises, str(value["problem"]))
        case "begun":
            earlier = tuple(map(_outcome, value["earlier"]))
            return Begun(float(value["at"]), tuple(map(str, value["ids"])), earlier)
        case "outcome":
            return _outcome(value)
        case "down":
            return Down(tuple(map(str, value["lines"])))
    raise ValueError(f"unknown step {value['kind']!r}")


def _outcome(value: dict[str, Any]) -> Outcome:
    return Outcome(
        at=float(value["at"]),
        id=str(value["id"]),
        verdict=Verdict(value["verdict"]),
        evidence=str(value["evidence"]),
        seconds=float(value["seconds"]),
        command=str(value["command"]),
    )
