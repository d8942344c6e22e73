"""What a person changes about canary and drain: the same as `python -m dashboard canary`."""

from __future__ import annotations

import os
from pathlib import Path

from dashboard.rollout_command import differing
from gateway.canary import Experiment
from gateway.errors import ConfigurationError
from gateway.settings import load_settings
from gateway.topology import load_topology
from probes.canary_change import Wanted, change, warnings, way_back


def change_experiment(root: Path, wanted: Wanted) -> tuple[Experiment | None, str]:
    """Do it in the workspace at `root`; the state after it, and the words for a person.

    None where it was refused; the words say why. Asks the instances that matter whether they
    answer, so it may take seconds.
    """
    try:
        topology = load_topology(root, load_settings(root, os.environ))
        changed = change(root, topology, wanted)
    except (ConfigurationError, OSError) as error:
        return None, str(error)
    back = way_back(changed)
    words = ["nothing to change" if back is None else f"done; back: {back}"]
    if changed.before is None:
        words = ["the state could not be read and was replaced"]
    words += [f"warning: {each}" for each in warnings(changed, topology)]
    if (held := differing(root)) is not None:
        words.append(f"warning: {held}")
    return changed.after, "\n".join(words)
