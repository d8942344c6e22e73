"""The load: wrk, which is not the bottleneck where a generator in Python would be."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.processes import die_with_parent

SCRIPT = Path(__file__).with_name("request.lua")
_MARK = "RESULT "
_GRACE_S = 20.0
"""How long after its time wrk may take to connect and to sum up."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go and what they are."""

    url: str
    body: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of wrk saw."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int
    """Answers with a status above 399, broken connections and time-outs together."""

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return self.requests / self.seconds


def run(
    target: Target,
    connections: int,
    seconds: float,
    cpus: frozenset[int] | None = None,
    pause_ms: int = 0,
) -> Outcome:
    """Keep `connections` busy for `seconds`, by one thread, on `cpus` only.

    Each waits `pause_ms` on average before a request: a pace instead of as much as goes.

    Raises BenchError when wrk is missing or fails.
    """
    program = shutil.which("wrk")
    if program is None:
        raise BenchError("wrk is not on PATH: run scripts/bootstrap.sh wrk")
    options = ["-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", str(SCRIPT)]
    words = [word for header in target.headers.items() for word in header]
    command = [program, *options, target.url, "--", str(pause_ms), target.body, *words]

    def prepare_child() -> None:
        die_with_parent()
        if cpus:
            os.sched_setaffinity(0, cpus)

    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=seconds + _GRACE_S,
            check=False,
            preexec_fn=prepare_child,
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"wrk did not end {_GRACE_S:.0f} s after its time") from None
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise BenchError(f"wrk ended with code {done.returncode}: {words[-1]}")
    return parse(done.stdout)


def parse(output: str) -> Outcome:
    """The result that request.lua wrote. Raises BenchError when there is none."""
    line = next((line for line in output.splitlines() if line.startswith(_MARK)), None)
    if line is None:
        raise BenchError("wrk wrote no result: is it version 4 with LuaJIT?")
    found = json.loads(line.removeprefix(_MARK))
    if not found["requests"]:
        raise BenchError("wrk got no answer at all")
    return Outcome(
        requests=found["requests"],
        seconds=found["duration_us"] / 1e6,
        p50_ms=found["p50_us"] / 1e3,
        p99_ms=found["p99_us"] / 1e3,
        errors=found["refused"] + found["broken"] + found["timed_out"],
    )
