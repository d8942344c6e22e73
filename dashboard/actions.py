"""What an operator can set going from a screen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_TIMEOUT_S = 60


def start_traffic(root: Path) -> tuple[bool, str]:
    """What `make traffic` does, in the workspace at `root`; whether it worked, and its words.

    Waits for the first answer. A process of its own, because what it says is meant for a
    terminal, and this one is taken.
    """
    command = [sys.executable, "-m", "probes.traffic"]
    try:
        done = subprocess.run(
            command, cwd=root, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return False, f"traffic: {error}"
    lines = done.stderr.strip().splitlines() or ["traffic: it said nothing"]
    return done.returncode == 0, lines[0] if done.returncode == 0 else lines[-1]
