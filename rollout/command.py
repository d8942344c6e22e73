"""What a person can do to a rollout at any time. Pure."""

from dataclasses import replace

from rollout.decide import enter, hold, next_of, roll_back
from rollout.gate import overload
from rollout.observe import Observations
from rollout.plan import Plan
from rollout.state import Action, Cause, Command, Decision, Facts, Phase, Refused, State


def obey(
    plan: Plan, state: State, facts: Facts, seen: Observations, now: float, command: Command
) -> Decision:
    """The decision that a command amounts to. Raises Refused with what to do instead."""
    if state.ended:
        raise Refused(f"the rollout is over ({state.phase}): start another one")
    if command is Command.ABORT:
        return roll_back(state, now, "aborted by a person", command.value)
    if command is Command.PAUSE:
        if state.phase is Phase.HOLD:
            raise Refused(f"it is held already ({state.cause})")
        return hold(state, now, Cause.PAUSED, "paused by a person")
    _same_candidate(state, facts)
    if command is Command.RESUME:
        return _resume(state, now)
    if command is Command.FINISH:
        if state.place is not Phase.PROMOTED:
            raise Refused("only a promoted candidate becomes the baseline: promote it first")
        after = State(Phase.FINISHED, 0, 0, now, now, now, state.digest)
        return Decision(Action.FINISH, after, "finished by a person", command.value)
    return _promote(plan, state, facts, seen, now, command)


def _resume(state: State, now: float) -> Decision:
    if state.phase is not Phase.HOLD:
        raise Refused("it is not held")
    # Observed anew: what led to the HOLD would lead there again at once.
    after = replace(state, phase=state.place, began=now, since=now, cause=None, held=None)
    reason = f"resumed by a person after {state.cause}"
    return Decision(Action.RESUME, after, reason, Command.RESUME.value)


def _promote(
    plan: Plan, state: State, facts: Facts, seen: Observations, now: float, command: Command
) -> Decision:
    if state.place is Phase.PROMOTED:
        raise Refused("it is promoted already: finish or abort it")
    if not facts.healthy:
        raise Refused("the candidate is not ready: wait until it is, or abort")
    phase, weight, shadow = next_of(plan, state)
    if command is Command.PROMOTE_FULL and state.weight < 100:
        phase, weight, shadow = Phase.STEP, 100, 0
    if (reason := overload(plan, facts, seen, max(weight, shadow))) is not None:
        raise Refused(f"{reason}: make it faster, or measure it again")
    decision = enter(state, phase, weight, shadow, now, "promoted by a person before its time")
    return replace(decision, trigger=command.value)


def _same_candidate(state: State, facts: Facts) -> None:
    changed = facts.digest is not None and facts.digest != state.digest
    if state.cause is Cause.CANDIDATE_CHANGED or changed:
        raise Refused("the candidate is another one than at the start: abort, then start again")
