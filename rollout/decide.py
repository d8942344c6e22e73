"""Decides what a rollout does next: a pure function of plan, state and what has been seen.

Guardrails are looked at in every phase in which v2 answers users, a HOLD included. A decision
stands: neither a rollback nor a HOLD is taken back by what comes later. Little traffic neither
rolls back nor goes on; when max_wait is over it holds.
"""

import math
from dataclasses import replace
from typing import Final

from rollout import words
from rollout.gate import Condition, conditions, overload
from rollout.guardrail import Evidence
from rollout.observe import Observations
from rollout.plan import Plan
from rollout.state import Action, Cause, Decision, Facts, Phase, Refused, State

CLOCK_SECONDS: Final = 5.0
"""How far the clock may be behind the begin of a step. Further back every request would look
older than the step: no guardrail would see it."""


def begin(plan: Plan, facts: Facts, now: float) -> Decision:
    """A new rollout. Raises Refused when there is no candidate to look at."""
    if facts.digest is None or not facts.healthy:
        raise Refused("no candidate is ready: start v2 with the model to roll out, then try again")
    state = State(Phase.BASELINE, 0, 0, now, now, now, facts.digest)
    return Decision(Action.START, state, f"started with the candidate {facts.digest[:12]}")


def decide(plan: Plan, state: State, facts: Facts, seen: Observations, now: float) -> Decision:
    """What to do now. `seen` is of the step that `state` is at; `now` is in epoch seconds."""
    if state.ended:
        return Decision(Action.WAIT, state, f"the rollout is over ({state.phase})")
    if state.began - now > CLOCK_SECONDS:
        return roll_back(state, now, words.clock(state.began - now), "clock")
    if state.weight > 0 and (guard := tripped(plan, facts, seen)) is not None:
        name, reason = guard
        return roll_back(state, now, reason, name)
    if state.phase is Phase.HOLD:
        return Decision(Action.WAIT, state, f"held ({state.cause}) until a person resumes it")
    if (stop := _obstacle(plan, state, facts, seen, now)) is not None:
        cause, reason = stop
        return hold(state, now, cause, reason)
    if state.phase is Phase.PROMOTED:
        return Decision(Action.WAIT, state, "promoted; v2 is watched until the rollout is finished")
    gate = conditions(plan, state, facts, seen, now)
    missing = [condition for condition in gate if not condition.met]
    if missing:
        return _wait(plan, state, missing, now)
    phase, weight, shadow = next_of(plan, state)
    if (refusal := overload(plan, facts, seen, max(weight, shadow))) is not None:
        return hold(state, now, Cause.CAPACITY, refusal)
    return enter(state, phase, weight, shadow, now, words.passed(state, seen, now))


def tripped(plan: Plan, facts: Facts, seen: Observations) -> tuple[str, str] | None:
    """The guardrail that is broken and the sentence that says so; None: all hold."""
    rails = plan.guardrails
    if seen.outage:
        return "outage", words.outage(seen)
    if _reached(seen.failed):
        return "failed", words.compared("failed", rails.failed, seen.failed, seen)
    if _reached(seen.hard_stop):
        return "hard stop", words.hard_stop(rails.hard_stop, seen)
    if _reached(seen.slow):
        return "slow", words.compared("slow", rails.slow, seen.slow, seen)
    if facts.restarts > rails.max_restarts:
        return "restarts", f"v2 was restarted {words.counted(facts.restarts, 'time')} at this step"
    return None


def next_of(plan: Plan, state: State) -> tuple[Phase, int, int]:
    """Phase, weight and shadow after those of `state` (of the one that a HOLD remembers)."""
    if state.place is Phase.BASELINE and plan.shadow.percent > 0:
        return Phase.SHADOW, 0, plan.shadow.percent
    step = plan.step_after(state.weight)
    if step is None:
        return Phase.PROMOTED, 100, 0
    return Phase.STEP, step.weight, 0


def enter(
    state: State, phase: Phase, weight: int, shadow: int, now: float, reason: str
) -> Decision:
    """To another phase. What was observed before does not count there."""
    changed = now if weight != state.weight else state.changed
    # Promotion changes nothing for anybody: v2 goes on being watched with what is known.
    began = state.began if phase is Phase.PROMOTED and weight == state.weight else now
    after = State(phase, weight, shadow, began, now, changed, state.digest)
    return Decision(Action.ADVANCE, after, reason)


def hold(state: State, now: float, cause: Cause, reason: str) -> Decision:
    """Stay as it is until a person decides."""
    after = replace(state, phase=Phase.HOLD, since=now, cause=cause, held=state.place)
    return Decision(Action.HOLD, after, reason, cause.value)


def roll_back(state: State, now: float, reason: str, trigger: str) -> Decision:
    """Everybody back to v1."""
    after = State(Phase.ROLLED_BACK, 0, 0, now, now, now, state.digest)
    return Decision(Action.ROLL_BACK, after, reason, trigger)


def _reached(evidence: Evidence) -> bool:
    return evidence.reached and not evidence.void


def _obstacle(
    plan: Plan, state: State, facts: Facts, seen: Observations, now: float
) -> tuple[Cause, str] | None:
    if facts.digest is not None and state.digest is not None and facts.digest != state.digest:
        was, became = state.digest[:12], facts.digest[:12]
        return Cause.CANDIDATE_CHANGED, f"the candidate was {was} and now is {became}"
    if (other := words.changed_by_hand(state, facts)) is not None:
        return Cause.WEIGHT, other
    if state.phase is Phase.BASELINE:
        return None
    if seen.split.peak >= math.log(plan.split_threshold):
        return Cause.SPLIT, words.split(seen)
    quiet = now - max(state.began, seen.last_request or 0.0)
    if quiet > plan.no_data:
        return Cause.NO_DATA, f"no request for {words.duration(quiet)}: nothing can be decided"
    return None


def _wait(plan: Plan, state: State, missing: list[Condition], now: float) -> Decision:
    still = "; ".join(condition.text for condition in missing)
    if now - state.began < plan.max_wait:
        return Decision(Action.WAIT, state, still)
    causes = [condition.cause for condition in missing]
    # Inconclusive where more is wrong than one thing.
    cause = causes[0] if len(set(causes)) == 1 else Cause.INCONCLUSIVE
    waited = words.duration(plan.max_wait)
    return hold(state, now, cause, f"not enough to go on with after {waited}: {still}")
