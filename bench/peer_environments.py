"""A Python of its own for each peer, in .tools/peers, from PyPI: made once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from bench.cli import ROOT
from bench.errors import BenchError
from scripts.stack import search_path

FOLDER = ".tools/peers"
# Written by these versions, so read by them; and what makes uvicorn fast, for everybody.
_SHARED = ("scikit-learn", "numpy", "joblib", "pyyaml", "httptools")


def python_of(peer: str, *requirements: str) -> Path:
    """The interpreter that has these. Raises BenchError where PyPI or uv fails."""
    folder = ROOT / FOLDER / peer
    python, marker = folder / "bin/python", folder / "built"
    wanted = [*requirements, *(f"{name}=={version(name)}" for name in _SHARED)]
    if marker.is_file() and marker.read_text() == "\n".join(wanted):
        return python
    sys.stderr.write(f"bench: installing {requirements[0]} into {FOLDER}/{peer}\n")
    shutil.rmtree(folder, ignore_errors=True)  # what an interrupted run left
    for command in (
        ["venv", "--python", sys.executable, str(folder)],
        ["pip", "install", "--python", str(python), *wanted],
    ):
        _uv(command)
    marker.write_text("\n".join(wanted))
    return python


def installed_version(python: Path, package: str) -> str:
    """The version of that package there."""
    program = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"
    command = [str(python), "-c", program, package]
    return subprocess.check_output(command, text=True, timeout=60).strip()


def _uv(arguments: list[str]) -> None:
    try:
        done = subprocess.run(
            ["uv", "--quiet", *arguments],
            env={**os.environ, "PATH": search_path(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise BenchError("uv is missing: run make setup") from None
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BenchError(f"uv {' '.join(arguments[:2])} failed: {reason[:200]}")
