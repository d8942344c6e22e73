"""How each server of bench.peers is started, and what it is asked."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import httpx

from bench.cli import ROOT
from bench.cores import Cores
from bench.declared import declared
from bench.errors import BenchError
from bench.instances import MODELS, declared_program, exam_program, free_port
from bench.load import Target
from bench.peer_environments import installed_version, python_of
from bench.peer_model import FOLDED, PIPELINE
from bench.processes import Program, Server, serving
from gateway.workload import load_workload
from scripts.stack import search_path

PEERS = {
    "BentoML": ("bentoml==1.4.40", f"uvloop=={version('uvloop')}"),
    "LitServe": ("litserve==0.2.19", f"uvloop=={version('uvloop')}"),
    # Its workers do not start on a newer one.
    "MLServer": ("mlserver==1.7.1", "uvloop==0.21.0"),
}
_STARTS_S = 60.0
_MLSERVER = {"name": "v1", "implementation": "bench.peer_mlserver.Sentiment"}

Commands = Callable[[int, Path], Sequence[str]]
"""Of a port and a folder of its own."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One server with one way to work the answer out."""

    name: str
    program: Callable[[Path, int, int, Cores], Program]
    """Of the folder for logs, port, number of workers and cores."""
    path: str
    body: Mapping[str, object]
    version: str = ""
    """Of a peer: its name and version."""


def contestants() -> list[Contestant]:
    """Ours first, then the exam's, then every peer twice. Raises BenchError."""
    workload = load_workload(ROOT)
    body = workload.body(workload.example.text)

    def ours(logs: Path, port: int, workers: int, cpus: Cores) -> Program:
        return declared_program(ROOT, logs, declared(ROOT, "v1-1"), port, cpus)

    def exam(logs: Path, port: int, workers: int, cpus: Cores) -> Program:
        return exam_program(ROOT, logs, "v1", port, cpus)

    found = [
        Contestant("ours", ours, workload.path, body),
        Contestant("exam", exam, workload.path, body),
    ]
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": [workload.example.text]}
    for peer, requirements in PEERS.items():
        python = python_of(peer.lower(), *requirements)
        released = f"{peer} {installed_version(python, peer.lower())}"
        path, asked = "/predict", body
        if peer == "MLServer":
            path, asked = "/v2/models/v1/infer", {"inputs": [tensor]}
        found += [
            Contestant(f"{peer}, {model}", _program(peer, python, model), path, asked, released)
            for model in (PIPELINE, FOLDED)
        ]
    return found


@contextmanager
def started(
    contestant: Contestant, logs: Path, workers: int, cpus: Cores = None
) -> Iterator[tuple[Server, Target, float]]:
    """Run it: the process, what to send, and the seconds until it answered right.

    Raises BenchError where it does not.
    """
    port = free_port()
    target = Target(f"http://127.0.0.1:{port}{contestant.path}", json.dumps(contestant.body), {})
    wanted = load_workload(ROOT).example.answer
    begun = time.monotonic()
    with serving(contestant.program(logs, port, workers, cpus)) as server:
        last = "nothing"
        while wanted not in last:
            try:
                last = httpx.post(target.url, json=contestant.body, timeout=10).text
            except httpx.TransportError as error:  # it listens before it can answer
                last = str(error)
            if time.monotonic() - begun > _STARTS_S:
                raise BenchError(f"{contestant.name} answers {last[:200]}")
        yield server, target, time.monotonic() - begun


def _program(peer: str, python: Path, model: str) -> Callable[[Path, int, int, Cores], Program]:
    def program(logs: Path, port: int, workers: int, cpus: Cores) -> Program:
        name = f"{peer.lower()}-{model}-{workers}"
        folder = logs / name
        folder.mkdir(exist_ok=True)
        environ = {
            **os.environ,
            "PATH": f"{python.parent}:{search_path(ROOT)}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(folder),
            "MODELS_DIR": str(ROOT / MODELS),
            "PEER_MODEL": model,
            "PEER_WORKERS": str(workers),
            # Nobody is told that this runs.
            "BENTOML_DO_NOT_TRACK": "true",
            "DO_NOT_TRACK": "1",
        }
        if peer == "MLServer":
            environ |= _mlserver_settings(folder, port, workers)
        command = _command(peer, python, folder, port)
        return Program(name, command, folder, environ, port, folder / "log", cpus)

    return program


def _command(peer: str, python: Path, folder: Path, port: int) -> list[str]:
    if peer == "BentoML":
        serve = ["-m", "bentoml", "serve", "bench.peer_bentoml:Sentiment"]
        return [str(python), *serve, "--host", "127.0.0.1", "--port", str(port)]
    if peer == "LitServe":
        return [str(python), "-m", "bench.peer_litserve", str(port)]
    return [str(python.parent / "mlserver"), "start", str(folder)]


def _mlserver_settings(folder: Path, port: int, workers: int) -> dict[str, str]:
    (folder / "model-settings.json").write_text(json.dumps(_MLSERVER))
    return {
        "MLSERVER_HOST": "127.0.0.1",
        "MLSERVER_HTTP_PORT": str(port),
        "MLSERVER_GRPC_PORT": str(free_port()),
        "MLSERVER_METRICS_PORT": str(free_port()),
        # 0: in the process that speaks HTTP, which is faster than one worker behind it.
        "MLSERVER_PARALLEL_WORKERS": "0" if workers == 1 else str(workers),
        "MLSERVER_DEBUG": "false",
    }
