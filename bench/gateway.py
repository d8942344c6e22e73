"""What the gateway costs: CPU per request beside a bare proxy and its peers, over TLS.

    python -m bench.gateway [--rounds N] [--seconds S] [--json FILE]

All stand before the same fast backend and are loaded in turn, in a private network where the
machine allows one. Ours is a copy of this folder with only the request limit raised. haproxy
and caddy have a row each where they are on PATH.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack

from bench import machine
from bench.cli import ROOT, Options, main
from bench.gateways import BARE, CADDY, CANARY, HAPROXY, OURS, PART, SHADOW, contenders
from bench.private import enter_private_network
from bench.rounds import Results, measure
from bench.spread import markdown_table, spread
from scripts.fresh_clone import fresh_clone

CONNECTIONS = 24
_OURS = "password ({SSHA}), rate and connection limit, cohorts, JSON log and errors"
FEATURES = {
    BARE: "TLS, connections to the instances kept open; nothing else",
    OURS: _OURS,
    CANARY: "the same, and each request draws its version; cookie set (clients without a user id)",
    SHADOW: "the same as without a canary, and a fifth of the requests copied to v2",
    HAPROXY: "password (clear text), both limits, header routing, JSON log of 12 fields",
    CADDY: "password (bcrypt, remembered), header routing, JSON log; no limit",
}


def run(options: Options) -> tuple[str, dict[str, object]]:
    """The table, and every figure for --json. Raises BenchError."""
    facts = machine.description()
    with fresh_clone(ROOT) as clone, ExitStack() as running:
        started = contenders(clone, running)
        sys.stderr.write("bench: all gateways run\n")
        results = measure(
            started, rounds=options.rounds, seconds=options.seconds, connections=CONNECTIONS
        )
    results.require_no_errors()
    shown = ("date", "machine", "load average before")
    head = [f"- {name}: {facts[name]}" for name in shown]
    facts |= {name: machine.first_version([name, "-v"]) for name in (HAPROXY,)}
    facts |= {CADDY: machine.first_version([CADDY, "version"])}
    names = ("python", "nginx", "wrk", HAPROXY, CADDY)
    head.append("- versions: " + ", ".join(f"{name} {facts[name]}" for name in names))
    title = (
        f"`wrk -t1 -c{CONNECTIONS} -d{options.seconds}s` over TLS on connections kept open, "
        f"{options.rounds} interleaved rounds, the cores shared by everything; "
        "median (lowest..highest)"
    )
    parts = ["## The gateway alone", "\n".join(head), title, _table(results)]
    return "\n\n".join(parts), {"machine": facts, "rounds": results.as_json()}


def _table(results: Results) -> str:
    rows = [
        [
            name,
            results.cpu_us(name, PART).text(1),
            "" if name == BARE else _added(results, name),
            spread(results.per_second(name)).text(),
            spread(results.p99_ms(name)).text(2),
            FEATURES[name],
        ]
        for name in results.runs
    ]
    head = ("gateway", "CPU us per request", "more than bare", "requests/s", "p99 ms", "with")
    return markdown_table(head, rows)


def _added(results: Results, name: str) -> str:
    """Round by round: a round in which the machine was busy counts for both."""
    pairs = zip(results.runs[name], results.runs[BARE], strict=True)
    return spread([ours.cpu_us[PART] - bare.cpu_us[PART] for ours, bare in pairs]).text(1)


if __name__ == "__main__":
    enter_private_network("bench.gateway")
    raise SystemExit(main("bench.gateway", __doc__, run))
