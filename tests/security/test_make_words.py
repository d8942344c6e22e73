"""What is given to make reaches a command as one word, whatever a file is called."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = (
    "$(touch pwned)",
    "$$(touch pwned)",
    "$(shell touch pwned)",
    "`touch pwned`",
    "it's one; touch pwned",
    "'; touch pwned; '",
    "a && touch pwned",
    'two words "quoted" \\',
    "price in $1.csv",
)
WHERE = (
    ("gen-model", "DATA", "--data="),
    ("gen-model", "LABEL_MAP", "--label-map="),
    ("gen-model", "THRESHOLD", "--threshold="),
    ("adopt", "MODEL", ""),
    ("adopt", "SLOT", "--slot="),
    ("traffic", "FROM", "--from="),
    ("traffic", "RATE", "--rate="),
    ("credentials", "LOGIN", ""),
)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Makefile, and a Python that only says with which words it was called."""
    root = tmp_path_factory.mktemp("clone")
    shutil.copy(ROOT / "Makefile", root)
    for name, script in (
        ("scripts/bootstrap.sh", ""),
        (".venv/bin/python", 'printf "%s\\0" "$@"'),
    ):
        program = root / name
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    return root


@pytest.mark.parametrize(("target", "variable", "option"), WHERE)
def test_it_is_one_word_and_no_command(
    clone: Path, target: str, variable: str, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SWITCHYARD_TOOLS", raising=False)
    for name in NAMES:
        done = subprocess.run(
            ["make", "--silent", target, f"{variable}={name}"],
            cwd=clone,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
        assert option + name in done.stdout.split("\0"), name
        assert not (clone / "pwned").exists(), name
