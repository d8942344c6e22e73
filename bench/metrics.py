"""What metrics cost: a counted request, a scrape, a line of the log: `python -m bench.metrics`.

prometheus-fastapi-instrumentator has a row where it is installed (`uv pip install` it into
.venv).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from bench import machine
from bench.cli import ROOT, Options, main
from bench.declared import declared
from bench.errors import BenchError
from bench.instances import declared_program, free_port, predict_target
from bench.load import Target
from bench.log_line import LINE
from bench.processes import Program, serving
from bench.rounds import Contender, Results, measure
from bench.spread import markdown_table, spread
from scripts.stack import search_path

CONNECTIONS = 8
NONE, OURS, PEER = "none", "ours", "instrumentator"
PART = "service"
SCRAPES = 50
LINES_PER_S = (500, 1_000, 5_000)
"""The budget is of the last."""
BATCHES_PER_S = 20
EXPORTER_S = 6
EXPORTER_RUNS = 3
MOST_US, MOST_SCRAPE_MS, MOST_SERIES, MOST_CORE = 15, 15, 300, 0.05


def run(options: Options) -> tuple[str, dict[str, object]]:
    """The tables, and every figure for --json. Raises BenchError."""
    facts = machine.description()
    names = [NONE, OURS]
    if importlib.util.find_spec("prometheus_fastapi_instrumentator"):
        names.append(PEER)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        requests = _requests(names, Path(folder), options)
        scrape_ms, series = _scrape(Path(folder))
        shares: dict[int, list[float]] = {rate: [] for rate in LINES_PER_S}
        for number in range(EXPORTER_RUNS):
            for rate in LINES_PER_S:
                shares[rate].append(_exporter_share(Path(folder) / f"{number}-{rate}", rate))
    title = (
        f"`wrk -t1 -c{CONNECTIONS} -d{options.seconds}s`, {options.rounds} interleaved rounds; "
        "median (lowest..highest)"
    )
    rows = [
        [
            f"a scrape of a service, ms (median of {SCRAPES})",
            f"{scrape_ms:.1f}",
            str(MOST_SCRAPE_MS),
        ],
        ["series of a service", str(series), str(MOST_SERIES)],
        *(
            [
                f"exporter at {rate:,} lines/s for {EXPORTER_S} s, % of a core",
                spread([share * 100 for share in shares[rate]]).text(1),
                f"{MOST_CORE * 100:.0f}" if rate == LINES_PER_S[-1] else "",
            ]
            for rate in LINES_PER_S
        ),
    ]
    parts = [
        "## Metrics",
        machine.lines(facts),
        title,
        _cost(requests, names),
        markdown_table(["what", "measured", "budget"], rows),
    ]
    return "\n\n".join(parts), {
        "machine": facts,
        "rounds": requests.as_json(),
        "scrape_ms": scrape_ms,
        "series": series,
        "exporter_core": shares,
    }


def _requests(names: Sequence[str], logs: Path, options: Options) -> Results:
    with ExitStack() as running:
        contenders = []
        for name in names:
            program = _program(name, logs)
            server = running.enter_context(serving(program))
            target = Target(f"http://127.0.0.1:{program.port}/predict", "{}", {})
            contenders.append(Contender(name, target, {PART: server.cpu_s}))
        results = measure(
            contenders, rounds=options.rounds, seconds=options.seconds, connections=CONNECTIONS
        )
    results.require_no_errors()
    return results


def _program(name: str, logs: Path) -> Program:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", f"bench.metered_apps:{name}"]
    command += [
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-access-log",
        "--log-level",
        "error",
    ]
    return Program(name, command, ROOT, dict(os.environ), port, logs / f"{name}.log")


def _cost(results: Results, names: Sequence[str]) -> str:
    by_name = {name: [run.cpu_us[PART] for run in results.runs[name]] for name in names}
    rows = []
    for name in names:
        more = ""
        if name != NONE:
            more = spread(
                [one - other for one, other in zip(by_name[name], by_name[NONE], strict=True)]
            ).text(1)
        rows.append(
            [name, spread(results.per_second(name)).text(), spread(by_name[name]).text(1), more]
        )
    head = ["counted by", "requests/s", "CPU us per request", f"more than none (budget {MOST_US})"]
    return markdown_table(head, rows)


def _scrape(logs: Path) -> tuple[float, int]:
    """Median milliseconds of a scrape of a used service, and how many series it has."""
    program = declared_program(ROOT, logs, declared(ROOT, "v2-1"), free_port())
    with serving(program), httpx.Client(base_url=f"http://127.0.0.1:{program.port}") as client:
        predict_target(ROOT, f"http://127.0.0.1:{program.port}")
        for path in ("/healthz", "/openapi.json", "/docs", "/nowhere"):
            for method in ("GET", "POST", "HEAD", "PUT"):
                client.request(method, path)
        taken = []
        for _ in range(SCRAPES):
            begun = time.perf_counter()
            text = client.get("/metrics").text
            taken.append((time.perf_counter() - begun) * 1000)
    families = text_string_to_metric_families(text)
    return spread(taken).median, sum(len(family.samples) for family in families)


def _exporter_share(folder: Path, rate: int) -> float:
    """Of a core, while so many lines a second are written. Raises BenchError if one is lost."""
    shutil.copytree(ROOT / "nginx", folder / "nginx", ignore=shutil.ignore_patterns("certs"))
    for file in ("process-compose.yaml", ".env", "workload.yaml"):
        shutil.copy(ROOT / file, folder)
    (folder / "var/logs").mkdir(parents=True)
    port = free_port()
    command = [sys.executable, "-m", "gateway.exporter", f"--port={port}", f"--root={folder}"]
    environ = {**os.environ, "PATH": search_path(ROOT)}
    program = Program("exporter", command, ROOT, environ, port, folder / "exporter.log")
    with serving(program) as server, (folder / "var/logs/access.jsonl").open("ab") as log:
        before = server.cpu_s()
        begun = time.monotonic()
        for number in range(EXPORTER_S * BATCHES_PER_S):
            log.write(LINE % time.time() * (rate // BATCHES_PER_S))
            log.flush()
            time.sleep(max(0.0, begun + (number + 1) / BATCHES_PER_S - time.monotonic()))
        share = (server.cpu_s() - before) / (time.monotonic() - begun)
        text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    wanted = 'gateway_requests_total{cohort="v1",method="POST",status="200",upstream="v1-1"} '
    counted = next((line for line in text.splitlines() if line.startswith(wanted)), "nothing")
    if float(counted.rpartition(" ")[2]) != rate * EXPORTER_S:
        raise BenchError(f"the exporter has lost lines: {counted}")
    return share


if __name__ == "__main__":
    sys.exit(main("bench.metrics", __doc__, run))
