"""The recorded session of the README: `python -m scripts.session`, two minutes.

Runs the commands below in a fresh clone, in a terminal, and writes what came when: as
docs/session.cast (asciinema's format, version 2: `asciinema play docs/session.cast`) and, made
from that, as docs/session.svg, which moves in a browser. What is set up already is not set up
again, and nobody waits longer than `LONGEST_S`.
"""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.fresh_clone import fresh_clone
from scripts.session_picture import COLUMNS, PROMPT, ROWS, Output, picture
from scripts.stack import search_path

ROOT = Path(__file__).resolve().parent.parent
CAST = ROOT / "docs/session.cast"
PICTURE = ROOT / "docs/session.svg"
COMMANDS = (
    "make start-project",
    "make test-api",
    "make test-api-debug",
    ".venv/bin/python -m dashboard check",
    ".venv/bin/python -m dashboard canary 10",
    ".venv/bin/python -m dashboard drill --yes",
    ".venv/bin/python -m dashboard canary off",
    "make stop-project",
)
LONGEST_S = 1.5
"""Nothing happens for longer than this in the recording."""
_TYPING_S = 0.04
_READING_S = 2.0


def main() -> int:
    """Record, and write both files; the exit code."""
    with fresh_clone(ROOT) as clone:
        # Before the recording: a set-up takes minutes the first time, and seconds later.
        subprocess.run(["make", "setup"], cwd=clone, stdout=sys.stderr, check=True)
        for name in ("var/models", "var/data"):
            shutil.copytree(ROOT / name, clone / name)
        CAST.write_text(cast(list(_recorded(clone))), encoding="utf-8")
    PICTURE.write_text(picture(read_cast(CAST.read_text(encoding="utf-8"))), encoding="utf-8")
    return 0


def cast(outputs: Sequence[Output]) -> str:
    """The recording in asciinema's format."""
    head = {"version": 2, "width": COLUMNS, "height": ROWS, "title": "Switchyard"}
    rows = [[round(each.at, 3), "o", each.text] for each in outputs]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in (head, *rows))


def read_cast(text: str) -> list[Output]:
    """The inverse of cast."""
    _, *rows = map(json.loads, text.splitlines())
    return [Output(float(at), str(data)) for at, _, data in rows]


def _recorded(clone: Path) -> Iterator[Output]:
    clock = 0.0
    for command in COMMANDS:
        yield Output(clock, PROMPT)
        clock += LONGEST_S / 2
        yield Output(clock, f"{command}\r\n")
        clock += len(command) * _TYPING_S
        for gap, text in _run(command, clone):
            clock += min(gap, LONGEST_S)
            yield Output(clock, text)
        clock += _READING_S


def _run(command: str, clone: Path) -> Iterator[tuple[float, str]]:
    """What a command writes to a terminal, each with the seconds since what came before.

    Raises RuntimeError where it fails.
    """
    master, slave = pty.openpty()
    environ = {**os.environ, "PATH": search_path(clone), "TERM": "dumb", "NO_COLOR": "1"}
    child = subprocess.Popen(
        ["bash", "-c", f"stty cols {COLUMNS} rows {ROWS}; {command}"],
        cwd=clone,
        env=environ,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    last = time.monotonic()
    rest = b""
    while True:
        if not select.select([master], [], [], 0.2)[0]:
            if child.poll() is not None:
                break
            continue
        try:
            rest += os.read(master, 65_536)
        except OSError:
            break  # everybody has closed the terminal
        # Whole characters only.
        text, rest = rest.decode(errors="ignore"), b""
        yield time.monotonic() - last, text.replace(str(clone), "~/switchyard")
        last = time.monotonic()
    os.close(master)
    if child.wait() != 0:
        raise RuntimeError(f"{command} ended with {child.returncode}")


if __name__ == "__main__":
    sys.exit(main())
