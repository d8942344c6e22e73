"""Where the pictures of the dashboard can be compared: under the releases that drew them.

Another release of textual or rich may move a cell or a colour without anything being wrong.
"""

from __future__ import annotations

import os
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCK = "requirements-dev.lock"
DRAWN_BY = ("textual", "rich")
PLUGIN = "pytest-textual-snapshot"


def locked(name: str, lock: str) -> str:
    """The version of the package `name` in the text of a lock. Raises LookupError."""
    found = re.search(rf"(?m)^{re.escape(name)}==(\S+)", lock)
    if found is None:
        raise LookupError(f"{LOCK} has no {name}")
    return found[1]


def installed(name: str) -> str | None:
    """The version of the package `name` that this interpreter has."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def why_not_drawn() -> str | None:
    """What stands against comparing a picture here, or None."""
    lock = (ROOT / LOCK).read_text(encoding="utf-8")
    for name in DRAWN_BY:
        ours, theirs = installed(name), locked(name, lock)
        if ours != theirs:
            return f"they are pictures of {name} {theirs} ({LOCK}), this is {ours or 'none'}"
    return None


def why_not_compared() -> str | None:
    """As `why_not_drawn`, for those that the plugin compares."""
    return None if installed(PLUGIN) else f"{PLUGIN} is not installed"


def leave_out(reason: str | None) -> None:
    """Skip the test that asks, if there is a reason.

    Called from a hook, not a fixture: pytest then puts all that has one reason into one line
    of its report. In CI, .venv is the locked set, and a reason there is a failure.
    """
    if reason is None:
        return
    words = f"SVG snapshots: not run, {reason}"
    if os.environ.get("CI") == "true" and Path(sys.prefix).resolve() == ROOT / ".venv":
        pytest.fail(f"{words}; in CI .venv must have the locked set", pytrace=False)
    pytest.skip(words)
