"""The dashboard beside GoAccess and ngxtop on the same log: `python -m bench.logs`, 3 minutes.

First 100,000 lines that are there, then a log that grows, watched in tmux. GoAccess comes by
`scripts/bootstrap.sh goaccess tmux`; ngxtop is installed from PyPI into .tools/peers.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

from bench import machine
from bench.cli import ROOT, Options, main
from bench.errors import BenchError
from bench.log_line import LINE
from bench.peer_environments import installed_version, python_of
from bench.processes import resident_bytes
from bench.spread import interleaved, markdown_table, ratios, spread
from bench.terminal import living
from scripts.fresh_clone import fresh_clone

LINES = 100_000
LINES_PER_S = 100
BATCHES_PER_S = 10
_SETTLED_S = 10.0
"""Everybody has read what was there; the dashboard needs the longest."""
OURS, GOACCESS, NGXTOP = "dashboard", "GoAccess", "ngxtop"
_LOG = "var/logs/access.jsonl"
_GOACCESS_FORMAT = (
    '{"time":"%x.%^","remote_addr":"%h","remote_user":"%e","method":"%m","uri":"%U",'
    '"protocol":"%H","status":"%s","bytes_sent":"%b","request_time":"%T","instance":"%v",'
    '"user_agent":"%u"}'
)


def run(options: Options) -> tuple[str, dict[str, object]]:
    """The tables, and every figure for --json. Raises BenchError."""
    for program in ("goaccess", "tmux"):
        if shutil.which(program) is None:
            raise BenchError(f"{program} is missing: run scripts/bootstrap.sh {program}")
    facts = machine.description()
    python = python_of("ngxtop", "ngxtop==0.0.3")
    facts["versions"] = (
        f"python {facts['python']}, goaccess {machine.first_version(['goaccess', '--version'])}, "
        f"ngxtop {installed_version(python, 'ngxtop')}"
    )
    with fresh_clone(ROOT) as clone:
        log = clone / _LOG
        log.parent.mkdir(parents=True)
        log.write_bytes(b"".join(LINE % (time.time() - LINES + n) for n in range(LINES)))
        read = _read(log, python, options.rounds)
        live = _live(clone, python, options)
    title = (
        f"{options.rounds} interleaved rounds; {LINES:,} lines read once, then {LINES_PER_S} "
        f"lines/s watched for {options.seconds} s at 120x40; median (lowest..highest)"
    )
    shown = ("date", "machine", "load average before", "versions")
    head = "\n".join(f"- {name}: {facts[name]}" for name in shown)
    parts = ["## The dashboard beside other log readers", head, title, _table(read, live)]
    return "\n\n".join(parts), {"machine": facts, "read": read, "live": live}


Figures = dict[str, list[tuple[float, float]]]
"""By contender, a pair a round."""


def _read(log: Path, python: Path, rounds: int) -> Figures:
    """CPU seconds and peak MiB to read the whole log."""
    report = log.parent / "report.json"
    commands = {
        OURS: [sys.executable, "-m", "bench.log_reader", str(log)],
        GOACCESS: [*_goaccess(log), "-o", str(report)],
        NGXTOP: [*_ngxtop(python, log), "--no-follow"],
    }
    found: Figures = {name: [] for name in commands}
    for order in interleaved(list(commands), rounds):
        for name in order:
            found[name].append(_spent(commands[name]))
            _say(f"read  {name:<10} {found[name][-1][0]:6.2f} s")
    return found


def _live(clone: Path, python: Path, options: Options) -> Figures:
    """CPU % of a core and kB/s to the terminal while the log grows."""
    log = clone / _LOG
    contenders = {
        OURS: ([sys.executable, "-m", "dashboard", "--read-only"], "window"),
        GOACCESS: (_goaccess(log), "Overall"),
        NGXTOP: (_ngxtop(python, log), "req"),
    }
    found: Figures = {name: [] for name in contenders}
    with _growing(log):
        for order in interleaved(list(contenders), options.rounds):
            for name in order:
                command, text = contenders[name]
                found[name].append(living(command, text, clone, _SETTLED_S, options.seconds))
                _say(f"live  {name:<10} {found[name][-1][0]:6.1f} % of a core")
    return found


def _spent(command: Sequence[str]) -> tuple[float, float]:
    """CPU seconds of the command and its peak in MiB."""
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    peak = 0
    # Not ru_maxrss, which counts what this process held when it forked.
    while (ended := os.wait4(child.pid, os.WNOHANG))[0] == 0:
        with suppress(OSError, BenchError):
            peak = max(peak, resident_bytes(child.pid))
        time.sleep(0.01)
    _, status, used = ended
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise BenchError(f"{command[0]} ended with {child.returncode}")
    return used.ru_utime + used.ru_stime, peak / 2**20


def _goaccess(log: Path) -> list[str]:
    formats = ["--date-format=%s", "--time-format=%s", f"--log-format={_GOACCESS_FORMAT}"]
    return ["goaccess", str(log), "--no-global-config", *formats]


def _ngxtop(python: Path, log: Path) -> list[str]:
    # Its own words for the fields, in the place of the values of a line.
    names = {"uri": "request_uri", "time": "msec"}
    fields = json.loads(LINE % 0.0)
    form = json.dumps({name: f"${names.get(name, name)}" for name in fields}, separators=(",", ":"))
    return [str(python.parent / "ngxtop"), "-l", str(log), "-f", form]


@contextmanager
def _growing(log: Path) -> Iterator[None]:
    over = Event()

    def write() -> None:
        with log.open("ab") as growing:
            while not over.wait(1 / BATCHES_PER_S):
                growing.write(LINE % time.time() * (LINES_PER_S // BATCHES_PER_S))
                growing.flush()

    thread = Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _table(read: Mapping[str, list[tuple[float, float]]], live: Figures) -> str:
    head = ["", f"CPU s for {LINES:,} lines", f"times {OURS}", "MiB", "CPU % live", "kB/s"]
    rows = []
    base = [cpu for cpu, _ in read[OURS]]
    for name, pairs in read.items():
        cpu, held = zip(*pairs, strict=True)
        share, sent = zip(*live[name], strict=True)
        rows.append(
            [
                name,
                spread(cpu).text(2),
                ratios(cpu, base).text(2) if name != OURS else "",
                spread(held).text(),
                spread(share).text(1),
                spread(sent).text(1),
            ]
        )
    return markdown_table(head, rows)


def _say(text: str) -> None:
    sys.stderr.write(f"bench: {text}\n")


if __name__ == "__main__":
    raise SystemExit(main("bench.logs", __doc__, run))
