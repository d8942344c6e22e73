"""What the candidate was measured to do: var/rollout/capacity.json, of one model each time."""

import json
import time
from pathlib import Path
from typing import Final

from gateway import plain_json
from gateway.atomic import replace_file
from rollout.store import FOLDER

FILE: Final = FOLDER / "capacity.json"


def measured(root: Path, digest: str | None) -> float | None:
    """Requests per second of the model with that digest; None: that one was not measured."""
    try:
        value = plain_json.loads((root / FILE).read_bytes())
        rate = float(value["requests_per_second"])
        return rate if digest is not None and value["digest"] == digest and rate > 0 else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def note(root: Path, digest: str, requests_per_second: float) -> None:
    """Keep what was measured. Raises OSError."""
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    value = {
        "digest": digest,
        "requests_per_second": round(requests_per_second, 1),
        "time": time.time(),
    }
    replace_file(root / FILE, json.dumps(value) + "\n")
