"""The dashboard: CPU to the first picture, CPU and bytes while it lives, CPU to fold a line.

    python -m bench.dashboard [--rounds N] [--seconds S] [--json FILE]

Replays docs/demo.jsonl at its own pace, so it needs no stack. CPU counts, not wall time.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from bench import machine
from bench.cli import ROOT, Options, main
from bench.errors import BenchError
from bench.spread import interleaved, markdown_table, ratios, spread
from bench.terminal import first_picture_cpu_s, living
from dashboard.events import Hit
from dashboard.log_fields import log_fields
from dashboard.model import Model
from dashboard.record import read_recording
from dashboard.replay import ReplayFeed
from gateway.accesslog import parse

DEMO = ROOT / "docs/demo.jsonl"
_SETTLED_S = 3.0
"""What comes before does not count: the screen is built, and the log is read to its end."""
_LINES = 20_000

_BARE = [sys.executable, "-m", "bench.bare_app"]
_REPLAY = [sys.executable, "-m", "dashboard", "replay", str(DEMO)]
_LIVE = [sys.executable, "-m", "dashboard", "--read-only"]
_PICTURE = "window"
"""Stands in the first line that is drawn from the model."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One table: what was measured of each contender, a value a round; the first is the base."""

    what: str
    budget: str
    values: dict[str, list[float]]
    digits: int = 1

    def table(self) -> str:
        """In Markdown, with the ratio to the base round by round."""
        base, *_ = self.values
        rows = []
        for name, values in self.values.items():
            # A terminal that nothing is sent to has no ratio.
            held = name != base and all(self.values[base])
            times = ratios(values, self.values[base]).text(2) if held else ""
            rows.append([name, spread(values).text(self.digits), times])
        return markdown_table([self.what, f"median, {self.budget}", f"times {base}"], rows)


def benchmark(options: Options) -> tuple[str, dict[str, object]]:
    """Run all of it. Raises BenchError."""
    if shutil.which("tmux") is None:
        raise BenchError("no tmux on PATH: install it")
    facts = machine.description()
    cpu, sent = _living(options)
    figures = [_first_pictures(options.rounds), cpu, sent, _folds(options.rounds)]
    title = (
        f"{options.rounds} interleaved rounds, {options.seconds} s of each at 120x40, replaying "
        "`docs/demo.jsonl`; median (lowest..highest)"
    )
    facts["versions"] = f"python {facts['python']}, textual {version('textual')}"
    shown = ("date", "machine", "load average before", "versions")
    head = "\n".join(f"- {name}: {facts[name]}" for name in shown)
    text = "\n\n".join(["## The dashboard", head, title, *(f.table() for f in figures)])
    return text, {"machine": facts, **{found.what: found.values for found in figures}}


def _first_pictures(rounds: int) -> Figures:
    contenders = {
        "bare Textual app": (_BARE, "bare"),
        "dashboard replay": (_REPLAY, _PICTURE),
        "dashboard": (_LIVE, _PICTURE),
    }
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for order in interleaved(list(contenders), rounds):
        for name in order:
            command, text = contenders[name]
            found[name].append(1000 * first_picture_cpu_s(command, text, ROOT))
            _say(f"first picture  {name:<18} {found[name][-1]:6.0f} ms")
    return Figures("first picture, CPU ms", "budget 400", found, digits=0)


def _living(options: Options) -> tuple[Figures, Figures]:
    cpu: dict[str, list[float]] = {}
    sent: dict[str, list[float]] = {}
    contenders: dict[str, Callable[[float], tuple[float, float | None]]] = {
        "bare Textual app, tmux": lambda seconds: _in_tmux(_BARE, "bare", seconds),
        "Overview at 4 Hz, tmux": lambda seconds: _in_tmux(_REPLAY, _PICTURE, seconds),
        "Overview at 4 Hz, headless": _headless,
    }
    for order in interleaved(list(contenders), options.rounds):
        for name in order:
            share, rate = contenders[name](options.seconds)
            cpu.setdefault(name, []).append(share)
            if rate is not None:
                sent.setdefault(name, []).append(rate)
            _say(f"living  {name:<28} {share:5.1f} % of a core  {rate or 0:6.1f} kB/s")
    return (
        Figures("living, CPU % of a core", "budget 8", cpu),
        Figures("to the terminal, kB/s", "budget 60", sent),
    )


def _in_tmux(command: list[str], text: str, seconds: float) -> tuple[float, float]:
    return living(command, text, ROOT, _SETTLED_S, seconds)


def _headless(seconds: float) -> tuple[float, None]:
    # Here, so that a terminal is measured before its library is in this process.
    from dashboard.ui.app import DashboardApp
    from dashboard.ui.options import Options as AppOptions

    async def run() -> float:
        app = DashboardApp(ReplayFeed(DEMO), AppOptions())
        async with app.run_test(size=(120, 40)):
            await asyncio.sleep(_SETTLED_S)
            cpu, begun = time.process_time(), time.monotonic()
            await asyncio.sleep(seconds)
            return 100 * (time.process_time() - cpu) / (time.monotonic() - begun)

    return asyncio.run(run()), None


def _folds(rounds: int) -> Figures:
    raw = [
        json.dumps(log_fields(event.access)).encode()
        for event in read_recording(DEMO)
        if hasattr(event, "access")
    ]
    lines = [raw[number % len(raw)] for number in range(_LINES)]
    hits = [Hit(access.time, access) for access in map(parse, lines)]
    contenders: dict[str, Callable[[], object]] = {
        "json.loads of it": lambda: _each(json.loads, lines),
        "parse": lambda: _each(parse, lines),
        "fold": lambda: _fold(hits),
    }
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for order in interleaved(list(contenders), rounds):
        for name in order:
            begun = time.process_time()
            contenders[name]()
            found[name].append(1e6 * (time.process_time() - begun) / len(lines))
            _say(f"fold  {name:<18} {found[name][-1]:6.2f} us a line")
    return Figures("one log line, us", "budget 10", found)


def _each(read: Callable[[bytes], object], lines: list[bytes]) -> None:
    for line in lines:
        read(line)


def _fold(hits: list[Hit]) -> None:
    model = Model()
    for hit in hits:
        model.apply(hit)


def _say(text: str) -> None:
    sys.stderr.write(f"bench: {text}\n")


if __name__ == "__main__":
    raise SystemExit(main("bench.dashboard", __doc__, benchmark))
