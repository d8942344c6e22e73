"""One process of ours against one of the exam's service: `python -m bench.service`.

Server and load generator have a core each where there are two. Both serve the same
models; ours is started by the very command of process-compose.yaml.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench import machine
from bench.cli import ROOT, Options, main
from bench.cores import Cores, apart
from bench.declared import declared
from bench.instances import declared_program, exam_program, free_port, predict_target
from bench.processes import Program, serving
from bench.rounds import Contender, Results, measure
from bench.spread import Spread, markdown_table, spread

CONNECTIONS = 16
STARTS = 3
"""How often each is started: the median is published."""
MEBIBYTE = 1024 * 1024
VERSIONS = ("v1", "v2")


def run(options: Options) -> tuple[str, dict[str, object]]:
    """The tables, and every figure for --json. Raises BenchError."""
    facts = machine.description()
    server_cpus, load_cpus = apart()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, ExitStack() as running:
        logs = Path(folder)
        programs = _programs(logs, server_cpus)
        starts = _starts(programs)
        servers = {name: running.enter_context(serving(p)) for name, p in programs.items()}
        contenders = [
            Contender(
                name,
                predict_target(ROOT, f"http://127.0.0.1:{programs[name].port}"),
                {"service": server.cpu_s},
            )
            for name, server in servers.items()
        ]
        results = measure(
            contenders,
            rounds=options.rounds,
            seconds=options.seconds,
            connections=CONNECTIONS,
            cpus=load_cpus,
        )
        memory = {name: server.resident_bytes() for name, server in servers.items()}
    results.require_no_errors()
    pinned = "a core each for server and wrk" if load_cpus else "server and wrk on any core"
    title = (
        f"`wrk -t1 -c{CONNECTIONS} -d{options.seconds}s`, {options.rounds} interleaved rounds, "
        f"{pinned}; median (lowest..highest)"
    )
    parts = ["## One process", machine.lines(facts), title, _speed(results), _cost(memory, starts)]
    return "\n\n".join(parts), {
        "machine": facts,
        "rounds": results.as_json(),
        "resident_bytes": memory,
        "start_cpu_s": {name: seconds.median for name, seconds in starts.items()},
    }


def _speed(results: Results) -> str:
    head = ("process", "requests/s", "times exam's", "p50 ms", "p99 ms", "CPU us per request")
    rows = []
    for name in results.runs:
        base = name.replace("ours", "exam")
        rows.append(
            [
                name,
                spread(results.per_second(name)).text(),
                results.times(name, base).text(1) if name != base else "",
                spread(results.p50_ms(name)).text(2),
                spread(results.p99_ms(name)).text(2),
                results.cpu_us(name, "service").text(),
            ]
        )
    return markdown_table(head, rows)


def _cost(memory: dict[str, int], starts: dict[str, Spread]) -> str:
    head = ("process", "memory after the load, MiB", "CPU s to start")
    rows = [
        [name, f"{resident / MEBIBYTE:.0f}", starts[name].text(2)]
        for name, resident in memory.items()
    ]
    return markdown_table(head, rows)


def _programs(logs: Path, cpus: Cores) -> dict[str, Program]:
    programs: dict[str, Program] = {}
    for version in VERSIONS:
        instance = declared(ROOT, f"{version}-1")
        programs[f"exam {version}"] = exam_program(ROOT, logs, version, free_port(), cpus)
        programs[f"ours {version}"] = declared_program(ROOT, logs, instance, free_port(), cpus)
    return programs


def _starts(programs: dict[str, Program]) -> dict[str, Spread]:
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(STARTS):
        for name, program in programs.items():
            with serving(program) as server:
                seconds[name].append(server.start_cpu_s)
    sys.stderr.write(f"bench: started each process {STARTS} times\n")
    return {name: spread(values) for name, values in seconds.items()}


if __name__ == "__main__":
    raise SystemExit(main("bench.service", __doc__, run))
