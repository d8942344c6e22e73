"""Where a rollout is, what is known beside the logs, and what a decision consists of. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from rollout.typed import made


class Phase(StrEnum):
    """Where a rollout is."""

    BASELINE = "baseline"
    """v1 answers everybody; the candidate is being looked at."""
    SHADOW = "shadow"
    """v2 gets copies."""
    STEP = "step"
    """v2 answers a share of the users."""
    PROMOTED = "promoted"
    """v2 answers everybody, and has been for long enough."""
    HOLD = "hold"
    """Weights stay, nothing goes on until a person says so. Guardrails still act."""
    ROLLED_BACK = "rolled back"
    """v1 answers everybody. The end."""
    FINISHED = "finished"
    """The candidate is the new baseline. The end."""


class Cause(StrEnum):
    """Why a rollout holds."""

    PAUSED = "paused"
    INCONCLUSIVE = "inconclusive"
    """max_wait is over, and there is not enough to go on with."""
    SPLIT = "split"
    """Users are not split as configured."""
    NO_DATA = "no data"
    CANDIDATE_CHANGED = "candidate changed"
    """What is being rolled out is no longer what was looked at."""
    LOAD = "load"
    """The candidate's process is too busy."""
    CAPACITY = "capacity"
    """The next step would take more than the candidate can do."""
    AGREEMENT = "agreement"
    """In the shadow the versions hardly ever say the same, or v2 fails."""
    WEIGHT = "weight"
    """Somebody else has changed what the gateway does."""


class Action(StrEnum):
    """What a decision does."""

    START = "start"
    WAIT = "wait"
    """Nothing changes; not stored."""
    ADVANCE = "advance"
    HOLD = "hold"
    RESUME = "resume"
    ROLL_BACK = "roll back"
    FINISH = "finish"


class Command(StrEnum):
    """What a person can ask for."""

    PAUSE = "pause"
    RESUME = "resume"
    PROMOTE = "promote"
    """To the next step now, without its gate."""
    PROMOTE_FULL = "promote full"
    """To 100 % now."""
    ABORT = "abort"
    FINISH = "finish"


ENGINE = "engine"
"""The actor of a decision that no person took."""

ENDED = frozenset({Phase.ROLLED_BACK, Phase.FINISHED})


class Refused(ValueError):
    """A command that cannot be carried out now. Says why, and what to do."""


@dataclass(frozen=True, slots=True)
class State:
    """Where a rollout is. Times in seconds since the epoch."""

    phase: Phase
    weight: int
    """Percent of users that v2 answers."""
    shadow: int
    """Percent of the requests to v1 that are copied to v2."""
    began: float
    """Since when observations count: the step was entered, or resumed."""
    since: float
    """Since when the phase is what it is."""
    changed: float
    """When the weight last changed; the warm-up starts there."""
    digest: str | None
    """The candidate that is being rolled out."""
    cause: Cause | None = None
    """In HOLD: why."""
    held: Phase | None = None
    """In HOLD: the phase that goes on when it is resumed."""

    @property
    def place(self) -> Phase:
        """The phase, or the one that a HOLD remembers."""
        return self.held or self.phase

    @property
    def ended(self) -> bool:
        """Whether nothing more will be decided."""
        return self.phase in ENDED

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "State":
        """The inverse of `to_json`. Raises TypeError or ValueError."""
        return made(cls, value)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known beside the logs."""

    healthy: bool
    """Whether an instance of the candidate is ready."""
    digest: str | None
    """Digest of the model that the candidate serves; None: unknown at the moment."""
    restarts: int = 0
    """Unplanned restarts of the candidate since the step began."""
    capacity: float | None = None
    """Requests per second that the candidate was measured to do; None: not measured."""
    load: float | None = None
    """Share of one core that its process uses; None: not measured."""
    config_digest: str | None = None
    """Digest of the configuration of the gateway, for the record."""
    weight: int | None = None
    """Percent of the users that the gateway gives to v2 now; None: unknown at the moment."""
    shadow: int | None = None
    """The same of copies."""


@dataclass(frozen=True, slots=True)
class Decision:
    """From one state to the next, and why."""

    action: Action
    after: State
    reason: str
    """One sentence."""
    trigger: str | None = None
    """What rolled back or holds: the name of a guardrail, a cause or a command."""
