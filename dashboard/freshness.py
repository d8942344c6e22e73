"""How old what is known is, and whether it is still the present. Pure."""

from __future__ import annotations

from dashboard.events import SourceName, SourceState
from dashboard.model import Model
from dashboard.numbers import duration

STALE_AFTER_S = {
    SourceName.ACCESS_LOG: 3.0,
    SourceName.PROCESSES: 6.0,
    SourceName.SERVICES: 8.0,
    SourceName.NGINX: 8.0,
    SourceName.PROMETHEUS: 15.0,
    SourceName.ROLLOUT: 5.0,
}
"""A source that has not delivered for so long is stale; a few times its period."""


def is_stale(model: Model, source: SourceName, now: float) -> bool:
    """Whether what a source said is not, or no longer, the present."""
    status = model.statuses.get(source)
    if status is not None and status.state is SourceState.ABSENT:
        return True
    seen = model.age(source, now)
    return seen is None or seen > STALE_AFTER_S[source]


def not_ready_for(model: Model, name: str, now: float) -> str:
    """ " for 4 s"; "" if the process is ready, or was not before anybody looked."""
    ready, at = model.ready_since.get(name, (False, None))
    return "" if ready or at is None else f" for {duration(max(0.0, now - at))}"
