"""Files that a person names (DATA=, LABEL_MAP=, MODEL=, FROM=, --policy, replay).

Whatever is there, the command ends with a reason: it waits for no pipe, reads no device, and
holds no file that is larger than memory.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from services.adopt import MOST_BYTES

ROOT = Path(__file__).parents[2]
# FROM= needs a stack before it reads, so its reader is called by itself.
READ_AGAIN = """
import sys, pathlib
from gateway.errors import ConfigurationError
from gateway.workload import load_workload
from probes.recorded import read_recording
try:
    read_recording(pathlib.Path(sys.argv[1]), load_workload(pathlib.Path()), 10)
except ConfigurationError as error:
    print(error, file=sys.stderr)
    sys.exit(2)
"""
COMMANDS: dict[str, tuple[str, ...]] = {
    "DATA": (
        *("-m", "services.gen_model", "--models-dir", "{made}", "--data-dir", "{made}"),
        "--data",
    ),
    "MODEL": ("-m", "services.adopt", "--slot=v2", "--yes", "--models-dir", "{made}"),
    "FROM": ("-c", READ_AGAIN),
    "--policy": ("-m", "dashboard", "rollout", "start", "--policy"),
    "replay": ("-m", "dashboard", "replay", "--json"),
}


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    path.mkdir()


def huge(path: Path) -> None:
    """Larger than any memory; a file system with holes needs none of it."""
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)


CASES = [
    (command, make, said)
    for command in COMMANDS
    for make, said in (
        (pipe, "is not a regular file"),
        (device, "is not a regular file"),
        (folder, "is not a regular file"),
        (huge, "bytes"),
    )
    # Recordings are read line by line.
    if make is not huge or command not in ("FROM", "replay")
]


@pytest.mark.parametrize(
    ("command", "make", "said"), CASES, ids=[f"{c} {m.__name__}" for c, m, _ in CASES]
)
def test_it_ends_with_a_reason(
    command: str, make: Callable[[Path], None], said: str, tmp_path: Path
) -> None:
    given = tmp_path / "given"
    make(given)
    words = [word.replace("{made}", str(tmp_path / "made")) for word in COMMANDS[command]]
    done = subprocess.run(
        [sys.executable, *words, str(given)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2, done.stderr
    assert str(given) in done.stderr or str(given.resolve()) in done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
