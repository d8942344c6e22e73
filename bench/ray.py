"""What Ray Serve costs: the same application by uvicorn and on Ray, behind the same nginx.

    scripts/bootstrap_ray.sh && python -m bench.ray [--rounds N] [--seconds S] [--json FILE]

Four processes of v1 each. A cluster is started for every row, and uvicorn is loaded in turn with
it, so that a busy minute and an idle cluster hit both. In a private network where one can be had.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench import machine
from bench.cli import ROOT, Options, main
from bench.declared import declared
from bench.errors import BenchError
from bench.instances import declared_program, free_port, predict_target
from bench.private import enter_private_network
from bench.processes import Program, proportional_bytes, serving
from bench.rounds import Contender, Results, measure
from bench.spread import markdown_table, spread
from gateway import process_table
from gateway.process_table import family
from scripts.fresh_clone import fresh_clone
from scripts.overlay import RAY
from scripts.stack import listening, search_path, wait_until

CONNECTIONS = 16
UVICORN = "uvicorn"
NODE_PORTS = (8701, 8702)
_AGENT_PORTS = (8714, 8724)
_AGENTS_END_S = 30.0
_DEPLOY_S = 180
_PLAIN = {
    # Without what process-compose.ray.yaml sets for speed.
    "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "1",
    "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "1",
    "RAY_SERVE_USE_GRPC_BY_DEFAULT": "0",
}
_HAPROXY = {"RAY_SERVE_ENABLE_HA_PROXY": "1"}


@dataclass(frozen=True, slots=True)
class Row:
    """One way to run it on Ray."""

    name: str
    nodes: int = 1
    environ: Mapping[str, str] = field(default_factory=dict)
    batch: bool = False
    optional: bool = False
    """Ray has it on some machines only."""


ROWS = (
    Row("Serve as it comes", environ=_PLAIN),
    Row("as make start-ray"),
    Row("as make start-ray, 2 nodes", nodes=2),
    Row("with @serve.batch", batch=True),
    Row("HAProxy instead of the proxy", environ=_HAPROXY, optional=True),
)


def run(options: Options) -> tuple[str, dict[str, object]]:
    """The table, and every figure for --json. Raises BenchError."""
    facts = machine.description()
    table: list[list[str]] = []
    data: dict[str, object] = {"machine": facts}
    with fresh_clone(ROOT) as clone, ExitStack() as running:
        for name in (".tools", ".venv", "var/models"):
            (clone / name).parent.mkdir(exist_ok=True)
            (clone / name).symlink_to(ROOT / name)
        for folder in ("run", "tmp", "ray"):
            (clone / "var" / folder).mkdir(parents=True, exist_ok=True)
        (clone / "var/logs").mkdir(exist_ok=True)
        ports = [free_port() for _ in range(4)]
        instance = declared(clone, "v1-1")
        uvicorns = [
            running.enter_context(serving(declared_program(clone, clone / "var/logs", instance, p)))
            for p in ports
        ]
        memory = sum(proportional_bytes(server.pid) for server in uvicorns)
        url = running.enter_context(_door(clone, ports, ""))
        base = Contender(UVICORN, predict_target(clone, url), {})
        for row in ROWS:
            try:
                results, held = _row(clone, row, base, options)
            except BenchError as error:
                if not row.optional:
                    raise BenchError(f"{row.name}: {error}") from None
                sys.stderr.write(f"bench: {row.name}: {error}\n")
                table.append([row.name, f"does not work here: {error}", "", "", "", ""])
                continue
            data[row.name] = results.as_json() | {"memory_bytes": held}
            table.append(_cells(row, results, held))
            beside = results
    per_second, p99 = spread(beside.per_second(UVICORN)), spread(beside.p99_ms(UVICORN))
    name = "uvicorn, beside the last row"
    table.insert(0, [name, per_second.text(), "", p99.text(1), "", _mib(memory)])
    head = [
        "4 processes of v1",
        "requests/s",
        "of uvicorn's",
        "p99 ms",
        "of uvicorn's",
        "MiB (PSS)",
    ]
    title = (
        f"`wrk -t1 -c{CONNECTIONS} -d{options.seconds}s` to nginx (services/on_ray/door.conf), "
        f"{options.rounds} interleaved rounds, median (lowest..highest)"
    )
    parts = ["## Ray Serve", machine.lines(facts), title, markdown_table(head, table)]
    return "\n\n".join(parts), data


def _cells(row: Row, results: Results, held: int) -> list[str]:
    share, slower = results.times(row.name, UVICORN), results.p99_part(row.name, UVICORN)
    return [
        row.name,
        spread(results.per_second(row.name)).text(),
        share.text(2),
        spread(results.p99_ms(row.name)).text(1),
        slower.text(1),
        _mib(held),
    ]


def _row(clone: Path, row: Row, base: Contender, options: Options) -> tuple[Results, int]:
    # The agents of the row before end by themselves, a little later than their node.
    wait_until(lambda: not any(map(listening, _AGENT_PORTS)), _AGENTS_END_S)
    with ExitStack() as running:
        running.callback(_end_haproxy, clone)
        nodes = [
            running.enter_context(serving(_node(clone, number, row))) for number in range(row.nodes)
        ]
        _deploy(clone, row)
        url = running.enter_context(_door(clone, NODE_PORTS[: row.nodes], "/v1"))
        ours = Contender(row.name, predict_target(clone, url), {})
        sys.stderr.write(f"bench: {row.name}: deployed\n")
        results = measure(
            (base, ours), rounds=options.rounds, seconds=options.seconds, connections=CONNECTIONS
        )
        results.require_no_errors()
        return results, sum(proportional_bytes(pid) for node in nodes for pid in family(node.pid))


def _end_haproxy(clone: Path) -> None:
    # It outlives its node, and is nobody's child then.
    for pid in process_table.entries():
        program = next(iter(process_table.arguments(pid)), "")
        if program.startswith(f"{clone}/.tools/ray/"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def _node(clone: Path, number: int, row: Row) -> Program:
    process = declared(clone, f"ray-{number + 1}", RAY.file)
    return Program(
        name=process.name,
        command=["bash", "-c", process.shell],
        cwd=clone,
        environ={**os.environ, "PATH": search_path(clone), **process.environ, **row.environ},
        port=_AGENT_PORTS[number],
        log=clone / f"var/logs/{process.name}.log",
    )


def _deploy(clone: Path, row: Row) -> None:
    environ = declared(clone, "ray-1", RAY.file).environ
    done = subprocess.run(
        [".tools/ray/bin/python", "-m", "bench.ray_app", *(["--batch"] if row.batch else [])],
        cwd=clone,
        env={**os.environ, **environ, **row.environ, **_client(clone)},
        capture_output=True,
        text=True,
        timeout=_DEPLOY_S,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError((done.stderr.strip().splitlines() or ["no reason given"])[-1][:200])


def _client(clone: Path) -> dict[str, str]:
    """As services.on_ray.loopback sets it, here before anything of Ray is imported."""
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(clone / "var/ray/token"),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    }


@contextmanager
def _door(clone: Path, ports: list[int] | tuple[int, ...], prefix: str) -> Iterator[str]:
    """An nginx with the file of the doors before these ports; its address."""
    port = free_port()
    text = (clone / "services/on_ray/door.conf").read_text()
    lines = [
        line
        for line in text.splitlines()
        if not line.lstrip().startswith("server 127.") and "$version" not in line
    ]
    servers = "\n".join(f"server 127.0.0.1:{p} max_fails=0;" for p in ports)
    text = "\n".join(lines).replace("least_conn;", f"least_conn;\n{servers}")
    text = text.replace(
        "location = /predict {",
        f"location = /predict {{ proxy_pass http://nodes{prefix}/predict;",
    ).replace("proxy_read_timeout 1s", "proxy_read_timeout 10s")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "door.conf").write_text(text)
        (Path(folder) / "listen.conf").write_text(f"listen 127.0.0.1:{port};\n")
        command = ["nginx", "-e", "stderr", "-p", "var", "-c", f"{folder}/door.conf"]
        program = Program(
            name=f"door-{port}",
            command=[*command, "-g", f"pid run/door-{port}.pid;"],
            cwd=clone,
            environ=os.environ,
            port=port,
            log=clone / "var/logs/doors.log",
        )
        with serving(program):
            yield f"http://127.0.0.1:{port}"


def _mib(held: int) -> str:
    return f"{held / 2**20:,.0f}"


if __name__ == "__main__":
    enter_private_network("bench.ray")
    raise SystemExit(main("bench.ray", __doc__, run))
