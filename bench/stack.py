"""Our whole stack against the exam's, through TLS: `python -m bench.stack`.

Both run at once and are loaded in turn, in a private network where the machine allows
one, else on the fixed ports of this machine. Ours is a copy of this folder with only
the request limit raised; instances, nginx and exporter are started by the commands of
process-compose.yaml. Prometheus and Grafana are left out on both sides.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack

from bench import machine
from bench.cli import ROOT, Options, main
from bench.private import enter_private_network
from bench.rounds import Contender, Results, measure
from bench.spread import markdown_table, spread
from bench.stacks import BARE, EXAM, V2, bare_proxy, exam_stack, our_stack
from scripts.fresh_clone import fresh_clone

CONNECTIONS = 24


def run(options: Options) -> tuple[str, dict[str, object]]:
    """The tables, and every figure for --json. Raises BenchError."""
    facts = machine.description()
    with fresh_clone(ROOT) as clone, ExitStack() as running:
        ours = our_stack(clone, running)
        exam = exam_stack(clone, running)
        contenders = [*exam, *ours, bare_proxy(clone, running, ours[0])]
        sys.stderr.write("bench: both stacks run\n")
        results = measure(
            contenders, rounds=options.rounds, seconds=options.seconds, connections=CONNECTIONS
        )
    results.require_no_errors()
    title = (
        f"`wrk -t1 -c{CONNECTIONS} -d{options.seconds}s` over TLS, {options.rounds} interleaved "
        "rounds, the cores shared by everything; median (lowest..highest)"
    )
    parts = [
        "## The whole stack",
        machine.lines(facts),
        title,
        _speed(results),
        _cpu(results, contenders),
    ]
    return "\n\n".join(parts), {"machine": facts, "rounds": results.as_json()}


def _speed(results: Results) -> str:
    head = ("stack", "requests/s", "times exam's", "p50 ms", "p99 ms", "p99 as part of exam's")
    rows = []
    for name in results.runs:
        base = EXAM + V2 if name.endswith(V2) else EXAM
        compared = name not in (base, BARE)
        rows.append(
            [
                name,
                spread(results.per_second(name)).text(),
                results.times(name, base).text(1) if compared else "",
                spread(results.p50_ms(name)).text(2),
                spread(results.p99_ms(name)).text(2),
                results.p99_part(name, base).text(2) if compared else "",
            ]
        )
    return markdown_table(head, rows)


def _cpu(results: Results, contenders: Sequence[Contender]) -> str:
    parts = ("nginx", "services", "exporter")
    rows = [
        [
            contender.name,
            *(
                results.cpu_us(contender.name, part).text(1) if part in contender.cpu_s else ""
                for part in parts
            ),
        ]
        for contender in contenders
    ]
    return markdown_table(("CPU us per request", *parts), rows)


if __name__ == "__main__":
    enter_private_network("bench.stack")
    raise SystemExit(main("bench.stack", __doc__, run))
