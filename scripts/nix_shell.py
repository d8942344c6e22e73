"""Whether the shell of flake.nix provides the tools, and which ones its channel lacks."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec

_MODULES = ("schemathesis",)
_PROGRAMS = {"import-linter": "lint-imports", "gixy-ng": "gixy"}


def entered() -> bool:
    """Whether this runs in that shell: flake.nix sets the variable. Nothing else is used there."""
    return os.environ.get("SWITCHYARD_TOOLS") == "nix"


def absent() -> frozenset[str]:
    """The optional packages that this shell lacks; none outside it, where all are installed."""
    if not entered():
        return frozenset()
    missing = {name for name in _MODULES if find_spec(name) is None}
    missing |= {name for name, program in _PROGRAMS.items() if shutil.which(program) is None}
    return frozenset(missing)


def not_covered(package: str) -> str:
    """The line that says so."""
    return f"not covered: {package} is not in this Nix shell"
