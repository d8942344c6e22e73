"""What this machine carries, predicted and measured: `python -m bench.capacity`.

A copy of the workspace in a private network, with only the request limit raised. At half
load: what a request costs whom, and what the hop to another host (docs/scale.md) costs on both
sides. From these bench.capacity_model predicts; then it is measured. A minute.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import load, machine
from bench.capacity_model import (
    Costs,
    Host,
    Station,
    bottleneck,
    carried,
    response_quantile,
    stations,
)
from bench.cli import ROOT, publish
from bench.errors import BenchError
from bench.hop import relay_and_entry
from bench.private import enter_private_network
from bench.rounds import Contender
from bench.spread import markdown_table
from bench.stacks import our_stack
from gateway.settings import load_settings
from gateway.topology import load_topology
from scripts.fresh_clone import fresh_clone

CONNECTIONS = 64
"""So many that those who wait for an answer hardly slow down the others."""
LIGHT = 0.15
"""The part of what goes at which an answer hardly ever waits."""
HALF = 0.5
"""The part at which the costs are measured: a request costs less CPU the more there are."""
LOADS = (0.3, 0.5, 0.7, 0.85)
TARGET = 0.7
"""How busy the busiest station may be in the plan."""
_CLIENT = "load generator"


@dataclass(frozen=True, slots=True)
class Measured:
    """One run at one pace."""

    outcome: load.Outcome
    cpu: Mapping[str, float]
    """CPU seconds for each answer, by part; the load generator is one."""
    taken: float
    """Cores that everything else on this machine kept busy meanwhile."""


def run(seconds: float, hosts: Sequence[Host]) -> tuple[str, dict[str, object]]:
    """The tables, and every figure for --json. Raises BenchError."""
    facts = machine.description()
    with fresh_clone(ROOT) as clone, ExitStack() as running:
        stack = our_stack(clone, running)[0]
        instances = sum(
            each.version == "v1"
            for each in load_topology(clone, load_settings(clone, {})).instances
        )
        hop = relay_and_entry(clone, running)
        roughly = load.run(stack.target, CONNECTIONS, 2.0).per_second
        light = _at(stack, roughly * LIGHT, seconds)
        half = _at(stack, roughly * HALF, seconds)
        through = _at(hop, roughly * HALF, seconds)
        costs = Costs(
            gateway=half.cpu["nginx"] + half.cpu["exporter"],
            service=half.cpu["services"],
            hop_out=through.cpu["relay"],
            hop_in=through.cpu["entry"],
            client=half.cpu[_CLIENT],
        )
        here = stations(costs, [Host(len(os.sched_getaffinity(0)), instances)])
        limit = carried(here, 1.0)
        paced = [_at(stack, part * limit, seconds) for part in LOADS]
        most = _at(stack, math.inf, seconds)
    lost = sum(each.outcome.errors for each in [light, half, through, *paced, most])
    if lost:
        raise BenchError(f"{lost} requests failed, so the figures say nothing")
    title = (
        f"`wrk -t1 -c{CONNECTIONS} -d{seconds:g}s` over TLS at several paces, on the cores that it "
        "measures; p50 and p99 predicted: those of the light load and the waiting (M/M/c)"
    )
    parts = [
        "## Capacity",
        machine.lines(facts),
        title,
        _inputs(half, through),
        _comparison(here, light, [light, half, *paced]),
        _limit(here, most),
        _plan(costs, hosts),
    ]
    data = {
        "machine": facts,
        "cpu_s": dict(half.cpu) | {name: through.cpu[name] for name in ("relay", "entry")},
        "predicted_per_second": limit,
        "measured_per_second": most.outcome.per_second,
        "paced": [
            [each.taken, each.outcome.per_second, each.outcome.p50_ms, each.outcome.p99_ms]
            for each in [light, half, *paced]
        ],
    }
    return "\n\n".join(parts), data


def _at(contender: Contender, per_second: float, seconds: float) -> Measured:
    """Load at about that pace; `math.inf`: as much as goes."""
    before = {part: meter() for part, meter in contender.cpu_s.items()}
    client, busy, begun = _children_cpu(), _machine_cpu(), time.monotonic()
    pause_ms = max(1, round(1000 * CONNECTIONS / per_second)) if per_second < math.inf else 0
    outcome = load.run(contender.target, CONNECTIONS, seconds, pause_ms=pause_ms)
    spent = {part: meter() - before[part] for part, meter in contender.cpu_s.items()}
    spent[_CLIENT] = _children_cpu() - client
    others = _machine_cpu() - busy - sum(spent.values())
    taken = max(0.0, others / (time.monotonic() - begun))
    sys.stderr.write(f"bench: {contender.name:<18} {outcome.per_second:9,.0f}/s\n")
    cpu = {part: value / outcome.requests for part, value in spent.items()}
    return Measured(outcome, cpu, taken)


def _children_cpu() -> float:
    """CPU seconds of the children that have ended: every wrk, no server."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _machine_cpu() -> float:
    """CPU seconds that this machine was busy, or another one on the same hardware was (steal)."""
    # proc_stat(5): user nice system idle iowait irq softirq steal ...
    fields = [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def _inputs(half: Measured, through: Measured) -> str:
    rows = [[part, f"{half.cpu[part] * 1e6:.0f}"] for part in half.cpu]
    rows += [
        ["hop, this side (relay)", f"{through.cpu['relay'] * 1e6:.0f}"],
        ["hop, other side (entry)", f"{through.cpu['entry'] * 1e6:.0f}"],
    ]
    return markdown_table(("a request costs", "CPU us"), rows)


def _comparison(here: Sequence[Station], light: Measured, runs: Sequence[Measured]) -> str:
    rows = []
    for each in runs:
        rate = each.outcome.per_second
        p50, p99 = (
            1000 * response_quantile(here, quiet_ms / 1000, rate, part)
            for quiet_ms, part in ((light.outcome.p50_ms, 0.5), (light.outcome.p99_ms, 0.99))
        )
        rows.append(
            [
                f"{rate:,.0f}",
                f"{bottleneck(here).utilisation(rate):.0%}",
                f"{p50:.2f}",
                f"{each.outcome.p50_ms:.2f}",
                f"{p99:.2f}",
                f"{each.outcome.p99_ms:.2f}",
                f"{each.taken:.2f}",
            ]
        )
    times = [f"{name} ms {how}" for name in ("p50", "p99") for how in ("predicted", "measured")]
    return markdown_table(("requests/s", "busy", *times, "cores taken by others"), rows)


def _limit(here: Sequence[Station], most: Measured) -> str:
    limit, rate = carried(here, 1.0), most.outcome.per_second
    text = f"As much as goes: predicted {limit:,.0f} requests/s, measured {rate:,.0f}"
    busy = f"{most.taken:.2f} cores taken by others: the model knows nothing of them"
    return f"{text} ({rate / limit:.2f} of it; {busy})."


def _plan(costs: Costs, hosts: Sequence[Host]) -> str:
    """What one and more of `hosts` carry, with the clients somewhere else."""
    alone = Costs(costs.gateway, costs.service, costs.hop_out, costs.hop_in)
    rows = []
    for count in range(1, len(hosts) + 1):
        system = stations(alone, hosts[:count])
        rows.append(
            [
                ", ".join(
                    f"{each.cores} cores {each.instances} instances" for each in hosts[:count]
                ),
                f"{carried(system, TARGET):,.0f}",
                bottleneck(system).name,
            ]
        )
    return markdown_table(("hosts", f"requests/s at {TARGET:.0%}", "busy first"), rows)


def _host(text: str) -> Host:
    """A host as CORES:INSTANCES."""
    cores, _, instances = text.partition(":")
    if cores.isdecimal() and instances.isdecimal() and int(cores) > 0:
        return Host(int(cores), int(instances))
    raise argparse.ArgumentTypeError(f"{text!r} is not CORES:INSTANCES, such as 2:3")


def main() -> int:
    """The command line; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.capacity", description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="of each run (default 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    parser.add_argument(
        "hosts",
        nargs="*",
        type=_host,
        metavar="CORES:INSTANCES",
        help="plan for these hosts, the gateway on the first (default 2:3 2:3)",
    )
    given = parser.parse_args()
    if not 1 <= given.seconds <= 60:
        parser.error(f"--seconds {given.seconds}: give 1 to 60")
    hosts = given.hosts or [Host(2, 3), Host(2, 3)]
    if not hosts[0].instances:
        parser.error("the first host needs an instance")
    return publish(lambda: run(given.seconds, hosts), given.json)


if __name__ == "__main__":
    enter_private_network("bench.capacity")
    raise SystemExit(main())
