"""Every command of docs/benchmarks.md, as short as it can be: `python -m scripts.benchmarked`.

This proves that they run. What they print then is no figure: those are of longer rounds, and of
a machine that does nothing else. The exit code is 1 when a command failed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from scripts import junit
from scripts.junit import Counts
from scripts.stack import search_path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/benchmarks.md"
_BLOCK = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LENGTH = re.compile(r"(?i) (?:--)?(?:rounds|seconds|minutes)[ =]\d+")
_SHORT = ((" bench.soak", " --minutes 1"), ("make bench", " ROUNDS=3 SECONDS=1"))
_ROUNDS = " --rounds 3 --seconds 1"


def commands(page: str) -> list[str]:
    """The lines of the blocks of `page` without their comments."""
    lines = [line for block in _BLOCK.findall(page) for line in block.splitlines()]
    return [command for line in lines if (command := line.partition(" #")[0].strip())]


def shortened(command: str) -> str:
    """The same with the least rounds that it takes, of a second each."""
    lengths = (length for part, length in _SHORT if part in command)
    return _LENGTH.sub("", command) + next(lengths, _ROUNDS)


def run(page: Path = PAGE) -> Counts:
    """Run them one after the other; each is a check."""
    every = commands(page.read_text(encoding="utf-8"))
    if not every:
        return 0, 1, f"{page.name} has no command"
    failed: list[str] = []
    for command in map(shortened, every):
        sys.stderr.write(f"$ {command}\n")
        done = subprocess.run(["bash", "-euc", command], cwd=ROOT, stdout=sys.stderr, check=False)
        if done.returncode:
            failed.append(f"{command} ended with {done.returncode}")
    return len(every) - len(failed), len(failed), "; ".join(failed)


def main() -> int:
    """Run them and report."""
    os.environ["PATH"] = search_path(ROOT)
    return junit.report(run())


if __name__ == "__main__":
    raise SystemExit(main())
