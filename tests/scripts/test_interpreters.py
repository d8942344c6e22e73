"""The second Python is the newest other one that runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from scripts.interpreters import Interpreter, asked, candidates, second

OURS = Interpreter((3, 11, 7), Path("ours"))


def put(program: Path, script: str = "exit 127") -> Path:
    """A program that does not know what it is asked, as a shim that is switched off."""
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


def test_names_on_the_path_and_versions_of_pyenv(tmp_path: Path) -> None:
    first, after, home = tmp_path / "first", tmp_path / "after", tmp_path / "home"
    expected = [
        put(first / "python3.13"),
        put(after / "python3.12"),
        put(home / ".pyenv/versions/3.12.1/bin/python3"),
    ]
    for name in ("python3.13-config", "python3.13t", "python3", "python3.13.bak"):
        put(first / name)
    put(home / ".pyenv/versions/3.14-dev/bin/python3")
    put(home / ".pyenv/versions/3.13.0t/bin/python3")
    path = os.pathsep.join(map(str, (first, tmp_path / "missing", after, first)))
    assert candidates(path, home) == expected


def test_what_runs_says_its_version() -> None:
    program = Path(sys.executable)
    assert asked(program) == Interpreter(sys.version_info[:3], program)


@pytest.mark.parametrize("script", ["exit 127", "echo 3.13", "echo; exit 0"])
def test_what_only_has_the_name_is_none(tmp_path: Path, script: str) -> None:
    assert asked(put(tmp_path / "python3.13", script)) is None


def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    assert asked(tmp_path / "python3.13") is None


def test_a_pre_release_is_none(tmp_path: Path) -> None:
    # Asked the very question, with another answer to what the release is.
    rc = (
        "import sys\nclass V(tuple): releaselevel = 'candidate'\nsys.version_info = V((3, 15, 0))\n"
    )
    (tmp_path / "rc.py").write_text(rc + "exec(sys.argv[1])\n")
    script = f'exec {sys.executable} {tmp_path}/rc.py "$3"'
    assert asked(put(tmp_path / "python3.15", script)) is None


@pytest.mark.parametrize(
    ("others", "chosen"),
    [
        ([(3, 12, 1), (3, 13, 0), (3, 9, 18)], (3, 13, 0)),
        ([(3, 12, 9), (3, 12, 10)], (3, 12, 10)),
        ([(3, 11, 2), (3, 10, 13)], None),
        ([], None),
    ],
)
def test_the_newest_of_another_minor_version(
    others: list[tuple[int, int, int]], chosen: tuple[int, int, int] | None
) -> None:
    found = second(OURS, [Interpreter(version, Path("other")) for version in others])
    assert (found.version if found else None) == chosen
