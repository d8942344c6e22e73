"""Interleaved rounds: every contender in each round, so that a busy minute hits all of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench import load
from bench.errors import BenchError
from bench.spread import Spread, interleaved, ratios, spread

WARM_UP_S = 2.0


@dataclass(frozen=True, slots=True)
class Contender:
    """One row of a table."""

    name: str
    target: load.Target
    cpu_s: Mapping[str, Callable[[], float]]
    """CPU seconds so far of each part that works for this row."""
    ready: Callable[[], None] | None = None
    """Called before each load: sets what this row needs set."""


@dataclass(frozen=True, slots=True)
class Run:
    """One contender in one round."""

    outcome: load.Outcome
    cpu_us: Mapping[str, float]
    """CPU microseconds per answered request of each part."""


@dataclass(frozen=True, slots=True)
class Results:
    """All rounds of one benchmark."""

    runs: Mapping[str, Sequence[Run]]

    def per_second(self, name: str) -> list[float]:
        """Answers per second, by round."""
        return [run.outcome.per_second for run in self.runs[name]]

    def p50_ms(self, name: str) -> list[float]:
        """Median latency, by round."""
        return [run.outcome.p50_ms for run in self.runs[name]]

    def p99_ms(self, name: str) -> list[float]:
        """99th percentile of the latency, by round."""
        return [run.outcome.p99_ms for run in self.runs[name]]

    def cpu_us(self, name: str, part: str) -> Spread:
        """CPU microseconds per request of one part."""
        return spread([run.cpu_us[part] for run in self.runs[name]])

    def errors(self, name: str) -> int:
        """Of all rounds together."""
        return sum(run.outcome.errors for run in self.runs[name])

    def times(self, name: str, base: str) -> Spread:
        """How many times the throughput of `base`, by round."""
        return ratios(self.per_second(name), self.per_second(base))

    def p99_part(self, name: str, base: str) -> Spread:
        """p99 as a part of that of `base`, by round."""
        return ratios(self.p99_ms(name), self.p99_ms(base))

    def require_no_errors(self) -> None:
        """Raise BenchError if a request failed: a refusal is faster than an answer."""
        lost = {name: self.errors(name) for name in self.runs if self.errors(name)}
        if lost:
            counts = ", ".join(f"{name}: {count}" for name, count in lost.items())
            raise BenchError(f"requests failed, so the figures say nothing ({counts})")

    def as_json(self) -> dict[str, Any]:
        """Every figure of every round."""
        return {
            name: [
                {
                    "requests_per_s": run.outcome.per_second,
                    "p50_ms": run.outcome.p50_ms,
                    "p99_ms": run.outcome.p99_ms,
                    "errors": run.outcome.errors,
                    "cpu_us_per_request": dict(run.cpu_us),
                }
                for run in runs
            ]
            for name, runs in self.runs.items()
        }


def measure(
    contenders: Sequence[Contender],
    *,
    rounds: int,
    seconds: float,
    connections: int,
    cpus: frozenset[int] | None = None,
) -> Results:
    """Load the contenders in turn, after a warm-up that does not count. Raises BenchError."""
    by_name = {contender.name: contender for contender in contenders}
    for contender in contenders:
        if contender.ready:
            contender.ready()
        load.run(contender.target, connections, WARM_UP_S, cpus)
    runs: dict[str, list[Run]] = {name: [] for name in by_name}
    for number, order in enumerate(interleaved(list(by_name), rounds), start=1):
        for name in order:
            run = _one(by_name[name], connections, seconds, cpus)
            runs[name].append(run)
            sys.stderr.write(
                f"bench: round {number}/{rounds}  {name:<34} {run.outcome.per_second:9,.0f}/s\n"
            )
    return Results(runs)


def _one(
    contender: Contender, connections: int, seconds: float, cpus: frozenset[int] | None
) -> Run:
    if contender.ready:
        contender.ready()
    before = {part: meter() for part, meter in contender.cpu_s.items()}
    outcome = load.run(contender.target, connections, seconds, cpus)
    spent = {part: meter() - before[part] for part, meter in contender.cpu_s.items()}
    per_request = {part: value * 1e6 / outcome.requests for part, value in spent.items()}
    return Run(outcome, per_request)
