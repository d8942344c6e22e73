"""Half an hour at half of what the workspace can do, then more than it can: `python -m bench.soak`.

The whole workspace in a private network, Prometheus and engine included, started as a person
starts it; of its files only the request limit is another one: four fifths of what was measured
first. Reports whether memory, descriptors and logs grow, and how it comes through an overload.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from bench import load, machine
from bench.cli import publish
from bench.errors import BenchError
from bench.instances import predict_target
from bench.load import Outcome, Target
from bench.private import enter_private_network
from bench.processes import children, resident_bytes
from bench.spread import markdown_table
from bench.stacks import login_header, prepare_gateway
from bench.workspace import command, copied, running
from gateway.canary import Experiment, write_experiment
from gateway.settings import load_settings
from gateway.supervisor import SOCKET, Supervisor
from gateway.topology import load_topology

CONNECTIONS = 64
CROWD = 400
"""Connections of the overload: as much as one wrk can send."""
TRIED = Experiment(weight=20, shadow=10)
SAMPLE_S = 10.0
CALM_S = 20.0
OVERLOAD_S = 60.0
RECOVERED = 2.0
"""p99 is back when it is at most so many times what it was."""
LOGS = ("access.jsonl", "shadow.jsonl")


@dataclass
class Watch:
    """What each process holds, over time: (seconds, resident bytes, descriptors)."""

    root: Path
    begun: float = field(default_factory=time.monotonic)
    samples: dict[str, list[tuple[float, int, int]]] = field(default_factory=dict)

    def look(self) -> None:
        """Take one sample of everything that runs."""
        now = time.monotonic() - self.begun
        pids = {p.name: p.pid for p in Supervisor(self.root / SOCKET).processes() if p.pid}
        if "nginx" in pids:
            for number, pid in enumerate(children(pids["nginx"]), start=1):
                pids[f"nginx worker {number}"] = pid
        for name, pid in pids.items():
            try:
                held = resident_bytes(pid), len(list(Path(f"/proc/{pid}/fd").iterdir()))
            except (OSError, BenchError):
                continue  # it has just ended
            self.samples.setdefault(name, []).append((now, *held))

    def rows(self) -> list[list[str]]:
        """A row for each process that was there all the time: memory, its slope, descriptors."""
        longest = max(map(len, self.samples.values()))
        rows = []
        for name, samples in sorted(self.samples.items()):
            if len(samples) < longest * 0.9:
                continue
            half = samples[len(samples) // 2 :]
            slope = statistics.linear_regression(*zip(*[(t, b) for t, b, _ in half], strict=True))
            first, last = samples[0], samples[-1]
            rows.append(
                [
                    name,
                    f"{first[1] / 2**20:.1f}",
                    f"{last[1] / 2**20:.1f}",
                    f"{slope.slope * 3600 / 2**20:+.1f}",
                    f"{statistics.median(n for _, _, n in samples[: len(samples) // 4 + 1]):.0f}",
                    f"{statistics.median(n for _, _, n in half):.0f}",
                ]
            )
        return rows


def soak(minutes: float) -> tuple[str, dict[str, object]]:
    """The report, and every figure for --json. Raises BenchError."""
    facts = machine.description()
    with copied() as clone, _workspace(clone) as target:
        capacity = load.run(target, CONNECTIONS, CALM_S / 2).per_second
        _limit(clone, capacity * 0.8)
        # Every second of it is half of the capacity; an answer takes some of the time itself.
        pause_ms = max(1, round(CONNECTIONS / (capacity / 2) * 1000) - 2)
        write_experiment(clone, TRIED)
        before = load.run(target, CONNECTIONS, CALM_S, pause_ms=pause_ms)
        watch = Watch(clone)
        with _watching(watch):
            parts = [
                load.run(target, CONNECTIONS, 60.0, pause_ms=pause_ms) for _ in _minutes(minutes)
            ]
        sys.stderr.write("bench: overload\n")
        overload = load.run(target, CROWD, OVERLOAD_S)
        sys.stderr.write("bench: recovery\n")
        recovery_s = _recovery(target, pause_ms, before)
        after = load.run(target, CONNECTIONS, CALM_S, pause_ms=pause_ms)
        processes = Supervisor(clone / SOCKET).processes()
        restarts = [f"{p.name} {p.restarts}" for p in processes if p.restarts]
        logs = {path.name: path.stat().st_size for path in sorted((clone / "var/logs").iterdir())}
    total = sum(part.requests for part in parts)
    failed = sum(part.errors for part in parts)
    rows = [
        ["capacity (limit out of the way)", f"{capacity:,.0f}/s", "", ""],
        _row("before", before),
        [
            "soak",
            f"{total / sum(p.seconds for p in parts):,.0f}/s",
            _p99s(parts),
            f"{failed:,} of {total:,}",
        ],
        _row("overload", overload),
        _row("after", after),
    ]
    text = [
        "## Soak and overload",
        machine.lines(facts),
        f"{minutes:g} minutes, canary {TRIED.weight} %, shadow {TRIED.shadow} %; recovered "
        f"{recovery_s:.1f} s after the overload; restarted: {', '.join(restarts) or 'nothing'}; "
        "refused means 429 or 503",
        markdown_table(["phase", "requests/s", "p99 ms", "refused or failed"], rows),
        markdown_table(
            ["process", "MiB first", "MiB last", "MiB/h, second half", "fds early", "fds late"],
            watch.rows(),
        ),
        markdown_table(
            ["log", "MiB"], [[n, f"{b / 2**20:.1f}"] for n, b in logs.items() if b > 2**20]
        ),
    ]
    return "\n\n".join(text), {"machine": facts, "samples": watch.samples, "logs": logs}


def _row(name: str, outcome: Outcome) -> list[str]:
    part = f"{outcome.errors:,} of {outcome.requests:,}"
    return [name, f"{outcome.per_second:,.0f}/s", f"{outcome.p99_ms:.1f}", part]


def _p99s(parts: Sequence[Outcome]) -> str:
    p99 = [part.p99_ms for part in parts]
    return f"{statistics.median(p99):.1f} ({min(p99):.1f}..{max(p99):.1f})"


def _minutes(minutes: float) -> Iterator[int]:
    for number in range(max(1, round(minutes))):
        sys.stderr.write(f"bench: minute {number + 1} of {minutes:g}\n")
        yield number


def _recovery(target: Target, pause_ms: int, before: Outcome) -> float:
    begun = time.monotonic()
    while time.monotonic() - begun < 60:
        second = load.run(target, CONNECTIONS, 1.0, pause_ms=pause_ms)
        if second.p99_ms <= RECOVERED * before.p99_ms and not second.errors:
            # It had recovered when this second began.
            return max(0.0, time.monotonic() - begun - 1.0)
    raise BenchError("a minute after the overload answers are still slow")


def _limit(clone: Path, per_second: float) -> None:
    path = clone / "nginx/conf.d/limits.conf"
    text = path.read_text()
    found = [word for word in text.split() if word.startswith("rate=")][-1]
    path.write_text(text.replace(found, f"rate={per_second:.0f}r/s;"))
    path = clone / "nginx/snippets/predict.conf"
    words = [word for word in path.read_text().split() if word.startswith("burst=")]
    path.write_text(path.read_text().replace(words[-1], "burst=200"))
    command(clone, "gateway.reload")


@contextmanager
def _workspace(clone: Path) -> Iterator[Target]:
    prepare_gateway(clone)
    with running(clone):
        topology = load_topology(clone, load_settings(clone, {}))
        address = f"https://127.0.0.1:{topology.https_port}"
        yield predict_target(clone, address, login_header("random"))


@contextmanager
def _watching(watch: Watch) -> Iterator[None]:
    over = Event()

    def look() -> None:
        while not over.wait(SAMPLE_S):
            watch.look()

    thread = Thread(target=look)
    watch.look()
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def main() -> int:
    """The command line; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="default 30")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    given = parser.parse_args()
    return publish(lambda: soak(given.minutes), given.json)


if __name__ == "__main__":
    enter_private_network("bench.soak")
    raise SystemExit(main())
