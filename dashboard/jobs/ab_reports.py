"""Writes a run as the two documents that `ab --json` and `ab --report` give."""

from __future__ import annotations

import time
from pathlib import Path

from gateway.atomic import replace_file
from probes.ab_report import Run, report

FOLDER = "var/reports"


def write_reports(root: Path, run: Run, now: float) -> Path:
    """Write both below `root`, named after the time; the path of the Markdown. Raises OSError."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    name = time.strftime("ab-%Y%m%d-%H%M%S", time.localtime(now))
    path = folder / name
    for suffix in (".json", ".md"):
        path = folder / f"{name}{suffix}"
        # Texts of the corpus are in it: for who made it alone.
        replace_file(path, report(run, path), 0o600)
    return path
