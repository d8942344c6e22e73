"""Rollouts as the engine tells of them: one for each thing that the screen can show."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

from dashboard.events import Event, ExperimentState, LabelledAb, RolloutState
from rollout.guardrail import Evidence
from rollout.observe import Observations
from rollout.plan import Plan
from rollout.split import SplitCounts
from rollout.state import Action, Cause, Facts, Phase, State
from rollout.status import Decided, Status
from tests.dashboard.stories import START, WORKSPACE, all_fresh

AT = START + 2000.0
"""What the status says is of then."""
PID = 4121
DIGEST = "5f2c0de9a1b3" * 5
QUALITY = LabelledAb(AT - 4 * 3600, "passed", "v2 is right more often: 63 to 33, p = 0.003")


def evidence(e: float, threshold: float, v1: int, v2: int, *, reached: bool = False) -> Evidence:
    """With that evidence of that threshold."""
    return Evidence(math.log(e), math.log(threshold), reached, v1, v2, v2, run=None)


SEEN = Observations(
    weight=25,
    warm_at=AT - 370.0,
    last_request=AT - 0.2,
    requests_v1=2440,
    requests_v2=812,
    attempts_v1=2440,
    attempts_v2=812,
    failed_v1=2,
    failed_v2=1,
    fallbacks=1,
    users_v2=164,
    split=SplitCounts(500, 164, math.log(0.4), math.log(1.2)),
    rate=8.4,
    rate_v2=2.1,
    failed=evidence(1.3, 1e3, 2, 1),
    slow=evidence(190, 3e3, 9, 16),
    slow_over=0.0041,
    hard_stop=evidence(1.0, 1e6, 0, 0),
)
STATE = State(Phase.STEP, 25, 0, AT - 400, AT - 400, AT - 400, DIGEST)
FACTS = Facts(healthy=True, digest=DIGEST, restarts=1, capacity=40.0, load=0.12)
DECISIONS = (
    Decided(
        1,
        AT - 1400,
        "ada",
        Action.START,
        0,
        0,
        Phase.BASELINE,
        f"started with the candidate {DIGEST[:12]}",
    ),
    Decided(3, AT - 1390, "engine", Action.ADVANCE, 0, 0, Phase.SHADOW, "the candidate is ready"),
    Decided(
        5,
        AT - 1100,
        "engine",
        Action.ADVANCE,
        0,
        5,
        Phase.STEP,
        "1,204 requests answered by both in 4 m 50 s, 86.1% alike",
    ),
    Decided(
        7,
        AT - 400,
        "engine",
        Action.ADVANCE,
        5,
        25,
        Phase.STEP,
        "61 users of v2 in 11 m 40 s, no guardrail reached its threshold",
    ),
)
STEP = Status(AT, PID, AT - 1500, STATE, SEEN, FACTS, Plan(), DECISIONS)
TRIPPED = (
    "14 of the last 17 failed requests were v2's, which had 25.0% of the requests (12 users): "
    "more than 2 times v1's rate (evidence 1,420 of 1,000)"
)


def decided(action: Action, before: int, after: int, phase: Phase, reason: str) -> Decided:
    """The newest decision, of just now."""
    return Decided(9, AT - 12, "engine", action, before, after, phase, reason)


def held(cause: Cause, reason: str) -> Status:
    """At 25 %."""
    state = replace(STATE, phase=Phase.HOLD, cause=cause, held=Phase.STEP, since=AT - 12)
    last = decided(Action.HOLD, 25, 25, Phase.HOLD, reason)
    return replace(STEP, state=state, decisions=(*DECISIONS, last))


def ended(phase: Phase, action: Action, reason: str) -> Status:
    """Over: v1 has everybody (which may be the candidate by now)."""
    state = State(phase, 0, 0, AT - 12, AT - 12, AT - 12, DIGEST)
    last = decided(action, 25 if action is Action.ROLL_BACK else 100, 0, phase, reason)
    return replace(STEP, state=state, seen=Observations(warm_at=AT), decisions=(*DECISIONS, last))


def at_weight(phase: Phase, weight: int, shadow: int, made: int, **seen: object) -> Status:
    """In another phase, after the first `made` decisions, with what is given seen there."""
    state = replace(STATE, phase=phase, weight=weight, shadow=shadow)
    found = replace(Observations(weight=weight, warm_at=AT - 370), **seen)  # type: ignore[arg-type]
    return replace(STEP, state=state, seen=found, decisions=DECISIONS[:made])


STATUSES: Mapping[str, Status | None] = {
    "none": None,
    "baseline": replace(at_weight(Phase.BASELINE, 0, 0, 1), facts=replace(FACTS, healthy=False)),
    "shadow": at_weight(
        Phase.SHADOW, 0, 20, 2, shadow_pairs=121, shadow_same=104, shadow_failed=1, rate=8.4
    ),
    "step": STEP,
    "hold": held(
        Cause.INCONCLUSIVE,
        "not enough to go on with after 1 h 00 m: 164 of 200 users of v2",
    ),
    "rolled back": ended(Phase.ROLLED_BACK, Action.ROLL_BACK, TRIPPED),
    "promoted": at_weight(
        Phase.PROMOTED,
        100,
        0,
        4,
        rate=8.4,
        rate_v2=8.4,
        requests_v2=9120,
        attempts_v2=9121,
        failed_v2=1,
        users_v2=611,
        failed=Evidence(void=True),
        slow=Evidence(void=True),
        hard_stop=evidence(1.0, 1e6, 0, 0),
    ),
    "finished": ended(Phase.FINISHED, Action.FINISH, "finished by a person"),
    "dead": STEP,
}


def known(name: str, at: float = AT + 0.4) -> RolloutState:
    """The event of one of them."""
    return RolloutState(at, STATUSES[name], name not in ("none", "dead"), QUALITY)


def story(name: str) -> Iterator[Event]:
    """One of them, and all else as it should be."""
    status = STATUSES[name]
    state = None if status is None else status.state
    at = AT + (42.0 if name == "dead" else 0.4)
    yield WORKSPACE
    yield from all_fresh(at)
    if state is not None:
        yield ExperimentState(at, state.weight, state.shadow, None)
    yield known(name, at)
