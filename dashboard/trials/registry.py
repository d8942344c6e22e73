"""The module of each trial, loaded when it is needed: the first picture pays for none."""

from __future__ import annotations

from typing import Any

from dashboard.trials.base import Step, TrialName, TrialState


def new_state(name: TrialName, before: TrialState | None = None) -> TrialState:
    """The state before the first step; `before` is that of the trial before, of the same name."""
    match name:
        case TrialName.AB:
            from dashboard.trials.ab import AbState

            # A sentence of one's own does not end a run, nor a run the sentence.
            return before or AbState()
        case TrialName.RATE_LIMIT:
            from dashboard.trials.ratelimit import RateLimitState

            return RateLimitState()
        case TrialName.CHECKS:
            from dashboard.trials.checks import ChecksState

            return ChecksState()
        case TrialName.DRILL:
            from dashboard.trials.drill import DrillState

            return DrillState()


def step_from_json(name: TrialName, value: dict[str, Any]) -> Step:
    """The inverse of `to_json`. Raises ValueError, KeyError, TypeError."""
    match name:
        case TrialName.AB:
            from dashboard.trials import ab

            return ab.step_from_json(value)
        case TrialName.RATE_LIMIT:
            from dashboard.trials import ratelimit

            return ratelimit.step_from_json(value)
        case TrialName.CHECKS:
            from dashboard.trials import checks

            return checks.step_from_json(value)
        case TrialName.DRILL:
            from dashboard.trials import drill

            return drill.step_from_json(value)
