"""Is one instance slower than the others of its version? Pure."""

from __future__ import annotations

from dashboard.model import Model
from dashboard.tally import Tally

_FEW = 30
"""Answers of an instance, below which nothing is said of it."""
_SLOWER = 3.0
_NOISE_MS = 20
"""Below that a factor is noise: nginx counts whole milliseconds."""


def slow_instance(model: Model, tally: Tally) -> tuple[str, str] | None:
    """Name of the first one, and what there is to say; None where all are alike."""
    for instance in model.instances:
        peers = [
            p95
            for other in model.instances
            if other.version == instance.version and other.name != instance.name
            if _enough(tally, other.name)
            if (p95 := tally.percentile(other.name, 95)) is not None
        ]
        own = tally.percentile(instance.name, 95)
        if own is None or not peers or not _enough(tally, instance.name):
            continue
        if own < _NOISE_MS or own <= _SLOWER * max(peers):
            continue
        times = own / max(1, max(peers))
        words = f"p95 {own} ms, {times:.1f} times its peers ({max(peers)} ms)"
        return instance.name, f"{instance.name} is slow: {words}"
    return None


def _enough(tally: Tally, name: str) -> bool:
    return sum(tally.latency.get(name, {}).values()) >= _FEW
