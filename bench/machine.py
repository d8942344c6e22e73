"""Where a figure was measured: without it, it means nothing."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("fastapi", "pydantic", "uvicorn", "uvloop", "httptools", "scikit-learn")


def description() -> dict[str, str]:
    """Machine, load before the run, and the versions of what was measured."""
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{len(os.sched_getaffinity(0))} cores, {_cpu_model()}",
        "load average before": load,
        "python": platform.python_version(),
        "nginx": first_version(["nginx", "-v"]),
        "wrk": first_version(["wrk", "-v"]),
        **{name: version(name) for name in _PACKAGES},
    }


def lines(facts: dict[str, str]) -> str:
    """The description as a Markdown list."""
    packages = ", ".join(f"{name} {facts[name]}" for name in ("python", "nginx", "wrk", *_PACKAGES))
    head = [f"- {name}: {facts[name]}" for name in ("date", "machine", "load average before")]
    return "\n".join([*head, f"- versions: {packages}"])


def _cpu_model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def first_version(command: list[str]) -> str:
    """What `command` calls its version; "none" where there is no such program."""
    if shutil.which(command[0]) is None:
        return "none"
    # wrk ends with code 1 after its version.
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found[0] if found else "?"
