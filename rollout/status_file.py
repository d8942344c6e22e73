"""Writes var/rollout/status.json, which screens and commands read."""

import json
from pathlib import Path
from typing import Final

from rollout.status import Status
from rollout.store import FOLDER

FILE: Final = FOLDER / "status.json"


def write_status(root: Path, status: Status) -> None:
    """Replace the file as a whole. Raises OSError."""
    path = root / FILE
    # Not gateway.atomic: so often, and lost at a crash without harm, it need not be synced.
    growing = path.with_name(f".{path.name}.new")
    growing.write_text(json.dumps(status.to_json(), allow_nan=False) + "\n", encoding="utf-8")
    growing.replace(path)
