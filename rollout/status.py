"""What the engine of a rollout says about itself, each time that it looks. Pure.

var/rollout/status.json holds it, in the form of status.schema.json. Screens and the command
line read it; what a gate still needs and what would roll back they work out from it with
rollout.gate and rollout.outlook.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from rollout.observe import Observations
from rollout.plan import Plan
from rollout.record import Entry, observations_from_json
from rollout.state import Action, Facts, Phase, State
from rollout.typed import made

FORMAT: Final = 1
DECISIONS: Final = 10
"""So many of the last decisions are kept."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision in short; the log has all of it."""

    seq: int
    time: float
    """Seconds since the epoch."""
    actor: str
    action: Action
    weight_before: int
    weight_after: int
    phase_after: Phase
    reason: str

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Decided":
        """The inverse of asdict. Raises TypeError or ValueError."""
        return made(cls, value)


def in_short(entry: Entry) -> Decided:
    """What a screen says of a decision."""
    decision = entry.decision
    return Decided(
        seq=entry.seq,
        time=entry.time,
        actor=entry.actor,
        action=decision.action,
        weight_before=0 if entry.before is None else entry.before.weight,
        weight_after=decision.after.weight,
        phase_after=decision.after.phase,
        reason=decision.reason,
    )


@dataclass(frozen=True, slots=True)
class Status:
    """Where the rollout is, what it has seen, and how old that is."""

    time: float
    """When this was written, in seconds since the epoch: the `now` of all that is in it."""
    pid: int
    """The process of the engine."""
    since: float
    """Since when it runs."""
    state: State | None
    """None: no rollout was ever started."""
    seen: Observations
    facts: Facts
    plan: Plan
    decisions: tuple[Decided, ...] = ()
    """The last ones, the newest at the end."""
    problem: str | None = None
    """What keeps the engine from seeing everything, in one sentence."""

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "format": FORMAT,
            "time": self.time,
            "pid": self.pid,
            "since": self.since,
            "state": None if self.state is None else self.state.to_json(),
            "seen": asdict(self.seen),
            "facts": asdict(self.facts),
            "plan": self.plan.to_json(),
            "decisions": [asdict(decided) for decided in self.decisions],
            "problem": self.problem,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Status":
        """The inverse. Raises KeyError, TypeError or ValueError for anything else."""
        if value["format"] != FORMAT:
            raise ValueError(f"format {value['format']!r}, this program reads {FORMAT}")
        state = value["state"]
        return made(
            cls,
            {name: value[name] for name in ("time", "pid", "since", "problem")},
            state=None if state is None else State.from_json(state),
            seen=observations_from_json(value["seen"]),
            facts=made(Facts, value["facts"]),
            plan=Plan.from_json(value["plan"]),
            decisions=tuple(map(Decided.from_json, value["decisions"])),
        )
