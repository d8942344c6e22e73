"""The command line that the benchmarks share: tables on stdout, progress on stderr."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from gateway.exit_codes import ExitCode
from scripts.stack import search_path

ROOT = Path(__file__).resolve().parent.parent
FEWEST_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Options:
    """How long to measure."""

    rounds: int
    seconds: float
    """Of each contender in each round."""


Benchmark = Callable[[Options], tuple[str, dict[str, object]]]
"""Gives the Markdown text and every figure. Raises BenchError."""


def main(name: str, description: str | None, benchmark: Benchmark) -> int:
    """Run one benchmark as a program; the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=description)
    parser.add_argument("--rounds", type=int, default=5, help="at least 3 (default 5)")
    parser.add_argument("--seconds", type=int, default=3, help="of each run (default 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    given = parser.parse_args()
    if given.rounds < FEWEST_ROUNDS or not 1 <= given.seconds <= 60:
        parser.error(f"at least {FEWEST_ROUNDS} rounds, of 1 to 60 seconds")
    return publish(lambda: benchmark(Options(given.rounds, given.seconds)), given.json)


def publish(benchmark: Callable[[], tuple[str, dict[str, object]]], file: Path | None) -> int:
    """Run a benchmark, print its text and write its figures to `file`; the exit code."""
    os.environ["PATH"] = search_path(ROOT)
    # Everything that was started is ended, also where a shell had Ctrl-C ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        text, data = benchmark()
    except BenchError as error:
        sys.stderr.write(f"bench: {error}\n")
        return ExitCode.FAILED
    except KeyboardInterrupt:
        sys.stderr.write("bench: stopped\n")
        return ExitCode.INTERRUPTED
    sys.stdout.write(text + "\n")
    if file:
        file.write_text(json.dumps({"text": text, **data}, indent=1) + "\n")
    return ExitCode.PASS
