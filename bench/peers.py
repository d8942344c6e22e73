"""Our service beside BentoML, LitServe and MLServer: `python -m bench.peers`, some 8 minutes.

All serve v1 and answer the example of workload.yaml. Each peer runs twice: with `predict` of the
pipeline, as its own examples do it, and with our folded table, so that only the server differs.
Peers are installed from PyPI into .tools/peers the first time. Ray Serve: python -m bench.ray.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import machine, open_loop
from bench.cli import ROOT, Options, main
from bench.cores import apart
from bench.errors import BenchError
from bench.load import Target
from bench.peer_programs import Contestant, contestants, started
from bench.private import enter_private_network
from bench.processes import proportional_bytes
from bench.rounds import Contender, measure
from bench.spread import interleaved, markdown_table, spread
from bench.stacks import EXAM, OURS, exam_stack, our_stack
from gateway.exit_codes import ExitCode
from gateway.process_table import family
from scripts.fresh_clone import fresh_clone

CONNECTIONS = 16
CROWD = 24
WORKERS = 4
OUR_STACK = "our whole stack"
PACES = (50, 300)
"""Requests a second of the open loop: what everybody can do, and what only some can."""
MOST_MS = 1_000
"""A p99 above this is a queue that grows: the pace is more than that server can do."""


def run(options: Options) -> tuple[str, dict[str, object]]:
    """The tables, and every figure for --json. Raises BenchError."""
    facts = machine.description()
    with fresh_clone(ROOT) as clone:
        logs = clone / "var/logs"
        logs.mkdir(parents=True, exist_ok=True)
        rivals = contestants()
        facts["versions of the peers"] = ", ".join(sorted({each.version for each in rivals} - {""}))
        alone, data = _one_process(rivals, logs, options)
        together, more = _four(rivals, clone, options)
    shown = "\n".join([machine.lines(facts), f"- peers: {facts['versions of the peers']}"])
    return "\n\n".join(["## Beside other servers", shown, alone, together]), {
        "machine": facts,
        **data,
        **more,
    }


def _one_process(
    rivals: Sequence[Contestant], logs: Path, options: Options
) -> tuple[str, dict[str, object]]:
    """One worker each, with a core of its own."""
    server_cpus, load_cpus = apart()
    with ExitStack() as running:
        contenders, memory, starts = [], {}, {}
        for rival in rivals:
            server, target, seconds = running.enter_context(started(rival, logs, 1, server_cpus))
            contenders.append(Contender(rival.name, target, {"service": server.cpu_s}))
            starts[rival.name] = (seconds, server.cpu_s())
            memory[rival.name] = server.pid
        results = measure(
            contenders,
            rounds=options.rounds,
            seconds=options.seconds,
            connections=CONNECTIONS,
            cpus=load_cpus,
        )
        results.require_no_errors()
        held = {name: sum(map(proportional_bytes, family(pid))) for name, pid in memory.items()}
        paced = _paced([(each.name, each.target) for each in contenders], options)
    title = (
        f"One worker each: `wrk -t1 -c{CONNECTIONS} -d{options.seconds}s`, {options.rounds} "
        "interleaved rounds, a core each for server and wrk; then at a pace, from when each "
        "request was due (bench/open_loop.py); median (lowest..highest)"
    )
    head = ["one worker", "requests/s", "of ours", "p99 ms", "CPU us per request"]
    head += ["MiB (PSS)", "s to the first answer", "CPU s to start"]
    rows = []
    for each in contenders:
        wall, cpu = starts[each.name]
        rows.append(
            [
                each.name,
                spread(results.per_second(each.name)).text(),
                results.times(each.name, rivals[0].name).text(3),
                spread(results.p99_ms(each.name)).text(1),
                results.cpu_us(each.name, "service").text(),
                f"{held[each.name] / 2**20:.0f}",
                f"{wall:.1f}",
                f"{cpu:.1f}",
            ]
        )
    table = markdown_table(head, rows)
    return "\n\n".join([title, table, _pace_table(paced)]), {
        "one worker": results.as_json(),
        "paced": paced,
        "memory_bytes": held,
        "start_s": starts,
    }


Paced = dict[str, dict[str, list[tuple[float, float]]]]
"""By name and pace: p50 and p99 in ms, a pair a round."""


def _paced(targets: Sequence[tuple[str, Target]], options: Options) -> Paced:
    found: Paced = {name: {str(pace): [] for pace in PACES} for name, _ in targets}
    by_name = dict(targets)
    for number, order in enumerate(interleaved(list(by_name), options.rounds)):
        for name in order:
            for pace in PACES:
                if any(p99 > MOST_MS for _, p99 in found[name][str(pace)]):
                    continue  # said once that it cannot: a queue hurts those that come after
                taken = open_loop.run(by_name[name], pace, options.seconds, seed=number)
                found[name][str(pace)].append((taken.p50_ms, taken.p99_ms))
                sys.stderr.write(f"bench: {pace}/s  {name:<28} p99 {taken.p99_ms:8.1f} ms\n")
    return found


def _pace_table(paced: Paced) -> str:
    rows = []
    for name, by_pace in paced.items():
        cells = [name]
        for pairs in by_pace.values():
            p50s, p99s = zip(*pairs, strict=True)
            cells += [spread(p50s).text(1), spread(p99s).text(1)]
        rows.append(cells)
    columns = (f"{part} ms at {pace}/s" for pace in PACES for part in ("p50", "p99"))
    return markdown_table(["one worker, open loop", *columns], rows)


def _four(
    rivals: Sequence[Contestant], clone: Path, options: Options
) -> tuple[str, dict[str, object]]:
    """Four workers each on all cores: the peers bare, ours behind the whole gateway."""
    with ExitStack() as running:
        ours = next(each for each in our_stack(clone, running) if each.name == OURS)
        exam = next(each for each in exam_stack(clone, running) if each.name == EXAM)
        contenders = [Contender(OUR_STACK, ours.target, {}), Contender(EXAM, exam.target, {})]
        for rival in (each for each in rivals if each.version):
            _, target, _ = running.enter_context(started(rival, clone / "var/logs", WORKERS))
            contenders.append(Contender(rival.name, target, {}))
        results = measure(
            contenders, rounds=options.rounds, seconds=options.seconds, connections=CROWD
        )
    results.require_no_errors()
    title = (
        f"{WORKERS} workers each, the cores shared by everything, `wrk -c{CROWD}`. The peers "
        "answer over plain HTTP without login, limits or log; our whole stack has TLS, login, "
        "limits, header routing, JSON log and exporter, and three processes of v1 answer. The "
        "exam's stack has TLS and login"
    )
    rows = [
        [
            name,
            spread(results.per_second(name)).text(),
            results.times(name, OUR_STACK).text(2) if name != OUR_STACK else "",
            spread(results.p99_ms(name)).text(1),
        ]
        for name in results.runs
    ]
    table = markdown_table(["four workers", "requests/s", "of our stack", "p99 ms"], rows)
    return "\n\n".join([title, table]), {"four workers": results.as_json()}


def _install() -> int:
    """Before there is no network: the exit code."""
    try:
        contestants()
    except BenchError as error:
        sys.stderr.write(f"bench: {error}\n")
        return ExitCode.FAILED
    return ExitCode.PASS


if __name__ == "__main__":
    if code := _install():
        raise SystemExit(code)
    enter_private_network("bench.peers")
    raise SystemExit(main("bench.peers", __doc__, run))
