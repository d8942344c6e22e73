"""What is known of a rollout, as a recording keeps it."""

from __future__ import annotations

from typing import Any

from dashboard.events import LabelledAb, RolloutState


def rollout_to_json(event: RolloutState) -> dict[str, Any]:
    """As plain values; `status` has the form of rollout/status.schema.json."""
    status, quality = event.status, event.quality
    told = None
    if quality is not None:
        told = {"at": quality.at, "outcome": quality.outcome, "reason": quality.reason}
    return {
        "status": None if status is None else status.to_json(),
        "alive": event.alive,
        "quality": told,
    }


def rollout_from_json(at: float, value: dict[str, Any]) -> RolloutState:
    """The inverse. Raises ValueError, KeyError, TypeError."""
    # Here: most recordings know of no rollout.
    from rollout.status import Status

    status, told = value["status"], value["quality"]
    quality = None
    if told is not None:
        quality = LabelledAb(float(told["at"]), str(told["outcome"]), str(told["reason"]))
    read = None if status is None else Status.from_json(status)
    return RolloutState(at, read, bool(value["alive"]), quality)
