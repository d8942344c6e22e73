"""Where a rollout is, as metrics: read at each scrape from what its engine last said.

The engine itself cannot be asked: it ends while there is nothing to do. var/rollout/status.json is
in the form of rollout/status.schema.json; a test compares the words with those of the engine.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from gateway import plain_json

FILE: Final = Path("var/rollout/status.json")
PHASES: Final = (
    *("baseline", "shadow", "step", "promoted"),
    *("hold", "rolled back", "finished"),
)
"""As in rollout.state.Phase."""


def rollout_families(root: Path) -> Iterator[Metric]:
    """The phase, since when, and when the engine said so; nothing where no rollout ever began.

    Raises OSError or ValueError for a file that cannot be read.
    """
    try:
        status = plain_json.loads((root / FILE).read_bytes())
        state, said = status["state"], float(status["time"])
        if state is None:
            return
        phase, since = state["phase"], float(state["since"])
    except FileNotFoundError:
        return
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{FILE} is not the status of a rollout: {error!r}") from None
    if phase not in PHASES:
        raise ValueError(f"{FILE} has an unknown phase {phase!r}")
    phases = GaugeMetricFamily(
        "rollout_phase", "1 for the phase that the rollout is in.", labels=("phase",)
    )
    for name in PHASES:
        phases.add_metric((name,), name == phase)
    yield phases
    yield GaugeMetricFamily(
        "rollout_phase_since_timestamp_seconds",
        "Since when it is in that phase, in seconds since the epoch.",
        since,
    )
    yield GaugeMetricFamily(
        "rollout_status_timestamp_seconds",
        "When its engine last said anything, in seconds since the epoch.",
        said,
    )
