"""A line of the decision log as values, and a decision taken again from it. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gateway.accesslog import LATEST
from rollout.command import obey
from rollout.decide import begin, decide
from rollout.guardrail import ComparisonRule, Evidence, recompute
from rollout.observe import Observations
from rollout.plan import Plan
from rollout.split import SplitCounts, log_e_split
from rollout.state import Command, Decision, Facts, State
from rollout.typed import made

_EVIDENCE = ("failed", "slow", "hard_stop")


@dataclass(frozen=True, slots=True)
class Entry:
    """A decision as it is stored, before it is carried out."""

    seq: int
    time: float
    """Seconds since the epoch: the `now` of the decision."""
    actor: str
    command: Command | None
    """What the person asked for; None: the engine decided."""
    before: State | None
    """None at the start of a rollout."""
    decision: Decision
    seen: Observations
    facts: Facts
    plan: Plan

    def to_json(self) -> dict[str, Any]:
        """As plain values, in the form of decisions.schema.json."""
        decision = self.decision
        return {
            "seq": self.seq,
            "time": self.time,
            "kind": "decision",
            "actor": self.actor,
            "command": self.command,
            "action": decision.action,
            "before": None if self.before is None else self.before.to_json(),
            "after": decision.after.to_json(),
            "reason": decision.reason,
            "trigger": decision.trigger,
            "seen": asdict(self.seen),
            "facts": asdict(self.facts),
            "plan": self.plan.to_json(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Entry":
        """The inverse. Raises KeyError, TypeError or ValueError for anything else."""
        before = value["before"]
        entry = made(
            cls,
            {name: value[name] for name in ("seq", "time", "actor", "command")},
            before=None if before is None else State.from_json(before),
            decision=made(
                Decision,
                {name: value[name] for name in ("action", "reason", "trigger")},
                after=State.from_json(value["after"]),
            ),
            seen=observations_from_json(value["seen"]),
            facts=made(Facts, value["facts"]),
            plan=Plan.from_json(value["plan"]),
        )
        if not 0 <= entry.time < LATEST:  # or no calendar has it
            raise ValueError(f"time is {entry.time:g}, which is no moment")
        return entry


@dataclass(frozen=True, slots=True)
class Explanation:
    """What taking a decision again came to."""

    entry: Entry
    again: Decision | None
    """None where it is refused now."""
    differences: tuple[str, ...]
    """What differs from what was stored; empty: the same decision."""
    taken_as_stored: tuple[str, ...]
    """Evidence of too many events to be kept one by one, or that is no function of counts."""


def explain(entry: Entry) -> Explanation:
    """Take the decision again from what was stored with it, its evidence recomputed."""
    found: list[str] = []
    unverified = []
    for name in ("failed", "slow"):
        evidence: Evidence = getattr(entry.seen, name)
        rule: ComparisonRule = getattr(entry.plan.guardrails, name)
        if evidence.run is None:
            unverified.append(name)
        elif abs(recompute(rule, evidence.run) - evidence.log_e) > 1e-9:
            log_e = recompute(rule, evidence.run)
            found.append(f"evidence of {name}: {log_e:.6f}, stored is {evidence.log_e:.6f}")
    counts = entry.seen.split
    log_e = log_e_split(counts.v1, counts.v2, entry.seen.weight)
    if abs(log_e - counts.log_e) > 1e-9:
        found.append(f"evidence of split: {log_e:.6f}, stored is {counts.log_e:.6f}")
    again: Decision | None = None
    try:
        again = _again(entry)
    except ValueError as error:
        found.append(f"refused now: {error}")
    else:
        for what in ("action", "after", "reason", "trigger"):
            now, then = getattr(again, what), getattr(entry.decision, what)
            if now != then:
                found.append(f"{what}: {now}, stored is {then}")
    return Explanation(entry, again, tuple(found), (*unverified, "hard_stop"))


def _again(entry: Entry) -> Decision:
    if entry.before is None:
        return begin(entry.plan, entry.facts, entry.time)
    arguments = (entry.plan, entry.before, entry.facts, entry.seen, entry.time)
    return decide(*arguments) if entry.command is None else obey(*arguments, entry.command)


def observations_from_json(value: Mapping[str, Any]) -> Observations:
    """The inverse of asdict. Raises KeyError, TypeError or ValueError."""
    rest = dict(value)
    given: dict[str, Any] = {}
    for name in _EVIDENCE:
        evidence = dict(rest[name])
        run = evidence["run"]
        del evidence["run"]
        given[name] = made(Evidence, evidence, run=None if run is None else tuple(map(_event, run)))
        del rest[name]
    given["split"] = made(SplitCounts, rest.pop("split"))
    return made(Observations, rest, **given)


def _event(value: Any) -> tuple[bool, float]:
    v2, share = value
    if type(v2) is not bool or type(share) is not float or not 0 < share < 1:
        raise ValueError(f"{value!r} is no event of a comparison")
    return v2, share
