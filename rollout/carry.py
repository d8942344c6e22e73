"""Carries a decision out: tells the gateway. Doing it twice is doing it once."""

from dataclasses import replace
from pathlib import Path

from gateway.canary import CanaryError, change_experiment, replace_damaged
from rollout.state import Action, Decision


def carry_out(root: Path, decision: Decision, now: float) -> float:
    """Make the gateway do what a decision says; since when it does, in seconds since the epoch.

    A HOLD leaves it as it is, also where somebody has changed it by hand. A drained instance
    stays drained. Raises CanaryError, OSError.
    """
    after = decision.after
    if decision.action is Action.HOLD:
        return after.changed
    try:
        before, set_now = change_experiment(
            root, lambda experiment: replace(experiment, weight=after.weight, shadow=after.shadow)
        )
    except CanaryError:
        if decision.action is not Action.ROLL_BACK:
            raise
        replace_damaged(root)
        return after.changed
    # Not the time of the decision: an engine that was killed in between comes later.
    return now if before.weight != set_now.weight else after.changed
