"""The rows of the test matrix: which packages each has, and the environment that holds them.

No row has the plugin that compares pictures of the dashboard: they are of the locked releases
and compared under those (tests/locked_textual.py), and its syrupy would hold pytest below 9.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

from scripts.interpreters import Interpreter

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".tools/matrix"
LOCK = ROOT / "requirements-dev.lock"
PLUGIN = "pytest-textual-snapshot"
# What is locked as it is because of the plugin.
UNLOCKED = frozenset({PLUGIN, "syrupy", "pytest"})
_PIN = re.compile(r"(?m)^([\w.-]+)==[^\\\n]+")


class NotBuilt(Exception):
    """The environment of a row could not be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One Python with one set of packages."""

    name: str
    python: Interpreter
    resolution: str
    """What uv should choose: "highest", or "lowest-direct" for our own floors."""
    requirements: tuple[str, ...]
    constraints: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where the row keeps everything."""
        return FOLDER / self.name

    @property
    def program(self) -> Path:
        """The interpreter of its environment."""
        return self.folder / "venv/bin/python"

    @property
    def fingerprint(self) -> str:
        """Another one means that the environment must be made anew."""
        parts = [str(self.python), str(self.python.path), self.resolution]
        text = json.dumps([*parts, *self.requirements, "but", *self.constraints])
        return hashlib.sha256(text.encode()).hexdigest()


def lowest(python: Interpreter, pyproject: str) -> Row:
    """The oldest release of everything that the text of pyproject.toml names."""
    return Row("lowest", python, "lowest-direct", tuple(wanted(pyproject)))


def second_python(python: Interpreter, pyproject: str, lock: str) -> Row:
    """The releases that the text of the lock holds, and the newest pytest."""
    return Row("second-python", python, "highest", tuple(wanted(pyproject)), tuple(pins(lock)))


def wanted(pyproject: str) -> list[str]:
    """All requirements in the text of pyproject.toml but the plugin, with those of development."""
    project = tomllib.loads(pyproject)["project"]
    everything = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    return [requirement for requirement in everything if not requirement.startswith(PLUGIN)]


def pins(lock: str) -> list[str]:
    """The versions in the text of a lock, without those that the plugin decides."""
    return [pin[0].strip() for pin in _PIN.finditer(lock) if pin[1] not in UNLOCKED]


def build(row: Row) -> bool:
    """Make the environment of `row`; whether there was anything to do.

    Raises NotBuilt when uv is missing or fails; it has then said why on stderr.
    """
    marker = row.folder / "built"
    if marker.is_file() and marker.read_text() == row.fingerprint:
        return False
    # Whatever an interrupted run left has no marker and is not trusted.
    shutil.rmtree(row.folder, ignore_errors=True)
    row.folder.mkdir(parents=True)
    (row.folder / "requirements.in").write_text("\n".join(row.requirements) + "\n")
    (row.folder / "constraints.txt").write_text("\n".join(row.constraints) + "\n")
    for command in commands(row):
        _uv(command)
    marker.write_text(row.fingerprint)
    return True


def commands(row: Row) -> list[list[str]]:
    """What uv is told, one after the other."""
    chosen = str(row.folder / "requirements.txt")
    python, program = str(row.python.path), str(row.program)
    given = [str(row.folder / "requirements.in")]
    given += ["--constraint", str(row.folder / "constraints.txt")]
    given += ["--resolution", row.resolution]
    return [
        ["pip", "compile", *given, "--python", python, "--output-file", chosen],
        ["venv", "--python", python, str(row.folder / "venv")],
        ["pip", "sync", "--compile-bytecode", "--python", program, chosen],
    ]


def _uv(arguments: list[str]) -> None:
    # Quiet, because it would print the whole list of packages; errors come all the same.
    try:
        code = subprocess.run(["uv", "--quiet", *arguments], check=False).returncode
    except FileNotFoundError:
        raise NotBuilt("uv is missing: run make setup") from None
    if code != 0:
        raise NotBuilt(f"uv {' '.join(arguments[:2])} ended with {code}, see above")
