"""What the other screens say of a rollout: a few words. Pure."""

from __future__ import annotations

from dashboard.events import RolloutState
from dashboard.lines import Tone, safe

SILENT_AFTER_S = 10.0
"""An engine that has written nothing for so long is stuck: it writes about once a second."""


def is_under_way(known: RolloutState | None) -> bool:
    """Whether there is a rollout that has not ended."""
    state = None if known is None or known.status is None else known.status.state
    return state is not None and not state.ended


def silence(known: RolloutState, now: float) -> float:
    """Seconds since an engine that lives should have written; 0 if it has."""
    if not known.alive or known.status is None:
        return 0.0
    quiet = now - known.status.time
    return quiet if quiet > SILENT_AFTER_S else 0.0


def in_short(known: RolloutState | None, now: float) -> tuple[str, Tone]:
    """State and weight."""
    state = None if known is None or known.status is None else known.status.state
    if known is None or state is None:
        return "not started", Tone.NORMAL
    if not state.ended and not known.alive:
        return f"{state.weight} %, ENGINE DEAD", Tone.BAD
    if not state.ended and silence(known, now):
        return f"{state.weight} %, ENGINE SILENT", Tone.BAD
    # Here: the first picture of a stack without a rollout needs nothing of what decides.
    from rollout.state import Phase

    match state.phase:
        case Phase.HOLD:
            return f"HOLD at {state.weight} % ({state.cause})", Tone.WARN
        case Phase.ROLLED_BACK:
            return "ROLLED BACK", Tone.BAD
        case Phase.STEP:
            return f"step {state.weight} %", Tone.ACCENT
        case Phase.SHADOW:
            return f"shadow {state.shadow} %", Tone.ACCENT
        case Phase.PROMOTED:
            return "promoted, 100 %", Tone.GOOD
    return safe(state.phase.value, 20), Tone.NORMAL
