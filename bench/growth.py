"""How the cost grows: with the text, the instances, and the rows of the dashboard.

    python -m bench.growth [--rounds N] [--seconds S] [--json FILE]

What grows with the number of log lines is in bench.metrics. In a private network where the
machine allows one.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import ExitStack
from pathlib import Path

from bench import machine
from bench.cli import ROOT, Options, main
from bench.cores import apart
from bench.declared import declared
from bench.instance_count import set_instances
from bench.instances import declared_program, free_port, predict_target
from bench.load import Target
from bench.log_line import LINE
from bench.private import enter_private_network
from bench.processes import proportional_bytes, serving
from bench.rounds import Contender, Results, measure
from bench.spread import interleaved, markdown_table, spread
from bench.stacks import OURS, our_stack
from dashboard.events import Declared, Hit, Workspace
from dashboard.glyphs import UNICODE
from dashboard.model import Model
from dashboard.present import overview
from dashboard.view import View
from gateway.accesslog import parse
from gateway.process_table import family
from scripts.fresh_clone import fresh_clone

LENGTHS = (10, 100, 1_000, 10_000)
COUNTS = (1, 2, 4, 8)
ROWS = (4, 16, 64)
CONNECTIONS = 16
FRAMES = 200
_TEXT = "The rooms were clean, but the breakfast was not good and far too cold :( " * 140


def run(options: Options) -> tuple[str, dict[str, object]]:
    """The tables, and every figure for --json. Raises BenchError."""
    facts = machine.description()
    with fresh_clone(ROOT) as clone:
        (clone / "var/logs").mkdir(parents=True)
        texts = _texts(clone / "var/logs", options)
    counts: dict[int, list[tuple[float, float, float, float]]] = {}
    for order in interleaved([str(count) for count in COUNTS], options.rounds):
        for count in map(int, order):
            counts.setdefault(count, []).append(_instances(count, options))
    rows = _rows(options.rounds)
    title = (
        f"`wrk -t1 -c{CONNECTIONS} -d{options.seconds}s`, {options.rounds} interleaved rounds; "
        "median (lowest..highest)"
    )
    parts = ["## How cost grows", machine.lines(facts), title]
    parts += [_text_table(texts), _count_table(counts), _row_table(rows)]
    return "\n\n".join(parts), {
        "machine": facts,
        "texts": texts.as_json(),
        "instances": counts,
        "dashboard_rows_ms": rows,
    }


def _texts(logs: Path, options: Options) -> Results:
    """Texts of each length, to one process of each version on a core of its own."""
    server_cpus, load_cpus = apart()
    with ExitStack() as running:
        contenders = []
        for version in ("v1", "v2"):
            program = declared_program(
                ROOT, logs, declared(ROOT, f"{version}-1"), free_port(), server_cpus
            )
            server = running.enter_context(serving(program))
            url = predict_target(ROOT, f"http://127.0.0.1:{program.port}").url
            for length in LENGTHS:
                target = Target(url, json.dumps({"sentence": _TEXT[:length]}), {})
                name = f"{version}, {length:,} characters"
                contenders.append(Contender(name, target, {"service": server.cpu_s}))
        results = measure(
            contenders,
            rounds=options.rounds,
            seconds=options.seconds,
            connections=CONNECTIONS,
            cpus=load_cpus,
        )
    results.require_no_errors()
    return results


def _text_table(results: Results) -> str:
    rows = [
        [
            name,
            results.cpu_us(name, "service").text(),
            spread(results.per_second(name)).text(),
            spread(results.p99_ms(name)).text(1),
        ]
        for name in results.runs
    ]
    return markdown_table(["one process", "CPU us per request", "requests/s", "p99 ms"], rows)


def _instances(count: int, options: Options) -> tuple[float, float, float, float]:
    """With so many of v1: requests/s, p99 in ms, MiB of them, CPU us of nginx per request."""
    with fresh_clone(ROOT) as clone, ExitStack() as running:
        (clone / "var").mkdir(exist_ok=True)
        set_instances(clone, count)
        ours = next(each for each in our_stack(clone, running) if each.name == OURS)
        results = measure([ours], rounds=1, seconds=options.seconds, connections=CONNECTIONS)
        results.require_no_errors()
        held = sum(proportional_bytes(pid) for pid in family(os.getpid()) if _is_v1(pid))
    nginx = results.cpu_us(ours.name, "nginx").median
    return results.per_second(ours.name)[0], results.p99_ms(ours.name)[0], held / 2**20, nginx


def _is_v1(pid: int) -> bool:
    return b"MODEL_VERSION=v1" in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")


def _count_table(counts: dict[int, list[tuple[float, float, float, float]]]) -> str:
    head = ["instances of v1", "requests/s", "p99 ms", "MiB of them (PSS)", "nginx CPU us"]
    rows = []
    for count in COUNTS:
        speed, p99, held, nginx = zip(*counts[count], strict=True)
        rows.append(
            [
                str(count),
                spread(speed).text(),
                spread(p99).text(1),
                spread(held).text(),
                spread(nginx).text(1),
            ]
        )
    return markdown_table(head, rows)


def _rows(rounds: int) -> dict[int, list[float]]:
    """CPU ms of one picture of the Overview with so many instances, by round."""
    models = {count: _model(count) for count in ROWS}
    view = View(120, 100, UNICODE)
    found: dict[int, list[float]] = {count: [] for count in ROWS}
    for order in interleaved([str(count) for count in ROWS], rounds):
        for count in map(int, order):
            now, begun = time.time(), time.process_time()
            for _ in range(FRAMES):
                overview(models[count], view, now, "")
            found[count].append(1000 * (time.process_time() - begun) / FRAMES)
    return found


def _model(count: int) -> Model:
    now = time.time()
    model = Model()
    names = [Declared(f"v1-{n}", "v1", f"127.0.0.1:{9000 + n}") for n in range(count)]
    model.apply(Workspace(now, "https://localhost:8443", tuple(names)))
    for number in range(10_000):
        model.apply(Hit(now, parse(_line(now - number / 1000, number % count))))
    return model


def _line(at: float, instance: int) -> bytes:
    return (LINE % at).rstrip().replace(b'"v1-1"', b'"v1-%d"' % instance)


def _row_table(rows: dict[int, list[float]]) -> str:
    base = spread(rows[ROWS[0]]).median
    cells = [
        [str(count), spread(rows[count]).text(2), f"{spread(rows[count]).median / base:.1f}"]
        for count in ROWS
    ]
    head = ["rows on the Overview", "CPU ms a picture, without the terminal", f"times {ROWS[0]}"]
    return markdown_table(head, cells)


if __name__ == "__main__":
    enter_private_network("bench.growth")
    raise SystemExit(main("bench.growth", __doc__, run))
