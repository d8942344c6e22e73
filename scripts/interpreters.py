"""The Pythons of this machine, and the one that the tests should run on besides ours."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

OLDEST = (3, 11)
_PROGRAM = re.compile(r"python3\.\d+")
_RELEASE = re.compile(r"3\.\d+\.\d+")
# A release candidate has few wheels yet; nobody's models run on it.
_QUESTION = (
    "import sys; v = sys.version_info; "
    "print(*v[:3]) if v.releaselevel == 'final' else sys.exit('not a release')"
)


@dataclass(frozen=True, order=True)
class Interpreter:
    """A Python that ran when it was asked for its version."""

    version: tuple[int, int, int]
    path: Path

    def __str__(self) -> str:
        return ".".join(map(str, self.version))


def candidates(search_path: str, home: Path) -> list[Path]:
    """What is called like a Python on `search_path` or is a version of pyenv's under `home`.

    Not all of them need to run: a shim of a version switcher has the name of a program that
    is only there when it is switched on.
    """
    found = [
        program
        for folder in search_path.split(os.pathsep)
        for program in sorted(Path(folder or ".").glob("python3.*"))
        if _PROGRAM.fullmatch(program.name)
    ]
    versions = sorted((home / ".pyenv/versions").glob("3.*"))
    found += [folder / "bin/python3" for folder in versions if _RELEASE.fullmatch(folder.name)]
    return list(dict.fromkeys(found))


def asked(program: Path) -> Interpreter | None:
    """The interpreter at `program`, or None if it does not run or is no release."""
    try:
        done = subprocess.run(
            [str(program), "-I", "-c", _QUESTION],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        major, minor, patch = map(int, done.stdout.split())
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Interpreter((major, minor, patch), program)


def second(ours: Interpreter, others: Iterable[Interpreter]) -> Interpreter | None:
    """The newest of `others` with another minor version than `ours`, if any is new enough."""
    fit = [
        other
        for other in others
        if other.version[:2] >= OLDEST and other.version[:2] != ours.version[:2]
    ]
    return max(fit, default=None)
