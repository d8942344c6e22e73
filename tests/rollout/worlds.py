"""Values of a rollout for tests: a plan with short times, observations, facts, states."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from rollout.guardrail import Evidence
from rollout.observe import Observations
from rollout.plan import Plan, ShadowStep, Step
from rollout.split import SplitCounts, log_e_split
from rollout.state import Cause, Facts, Phase, State

START = 1_000_000.0
PLAN = Plan(
    shadow=ShadowStep(20, 100, 60.0),
    steps=(Step(5, 20, 60.0), Step(25, 50, 60.0), Step(50, 50, 60.0), Step(100, 50, 60.0)),
    warm_up=30.0,
    max_wait=600.0,
)
FACTS = Facts(healthy=True, digest="a" * 64, config_digest="c" * 64)
BROKEN = Evidence(
    math.log(1024), math.log(1000), True, 0, 10, 9, False, tuple((True, 0.25) for _ in range(10))
)


def state(phase: Phase = Phase.STEP, weight: int = 25, **changes: Any) -> State:
    """As it was entered at START."""
    shadow = 20 if phase is Phase.SHADOW else 0
    made = State(phase, weight, shadow, START, START, START, FACTS.digest)
    return replace(made, **changes)


def held(weight: int = 25, cause: Cause = Cause.PAUSED) -> State:
    """A HOLD at a step."""
    return state(Phase.HOLD, weight, cause=cause, held=Phase.STEP)


def seen(weight: int = 25, **changes: Any) -> Observations:
    """A healthy step with enough of everything, at 50 requests/s."""
    share = weight / 100
    v2 = round(1000 * share)
    made = Observations(
        weight=weight,
        warm_at=START + 30,
        last_request=START + 120,
        requests_v1=4000 - 4 * v2,
        requests_v2=4 * v2,
        attempts_v1=4000 - 4 * v2,
        attempts_v2=4 * v2,
        users_v2=v2,
        split=SplitCounts(1000 - v2, v2, log_e_split(1000 - v2, v2, weight), 0.0),
        rate=50.0,
        rate_v2=50.0 * share,
        slow_over=0.004,
        shadow_pairs=500,
        shadow_same=450,
    )
    return replace(made, **changes)
