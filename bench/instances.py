"""The service processes of both sides, and the request that all of them get."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from bench.declared import Declared
from bench.errors import BenchError
from bench.load import Target
from bench.processes import Program
from gateway.workload import load_workload
from scripts.stack import search_path

MODELS = "var/models"


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def declared_program(
    root: Path, logs: Path, process: Declared, port: int, cpus: frozenset[int] | None = None
) -> Program:
    """A process as process-compose.yaml declares it, but for an instance's port."""
    environ = {**process.environ, "PORT": str(port), "MODELS_DIR": str(_models())}
    return _program(root, logs, process.name, ["bash", "-c", process.shell], environ, port, cpus)


def exam_program(
    root: Path, logs: Path, version: str, port: int, cpus: frozenset[int] | None = None
) -> Program:
    """The service to compare with. Without its access log, which only makes it faster."""
    command = [sys.executable, "-W", "ignore", "-m", "uvicorn", "--factory"]
    command += ["bench.exam_service:create_app", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--no-access-log"]
    model = _models() / version / "model.joblib"
    environ = {"EXAM_MODEL": str(model), "EXAM_VERSION": version}
    return _program(root, logs, f"exam-{version}-{port}", command, environ, port, cpus)


def predict_target(root: Path, address: str, headers: Mapping[str, str] | None = None) -> Target:
    """The example request of workload.yaml for the server at `address`.

    Raises BenchError unless it is answered there as the example says.
    """
    workload = load_workload(root)
    body = workload.body(workload.example.text)
    target = Target(address + workload.path, json.dumps(body), headers or {})
    # Loopback only, and wrk does not verify either.
    with httpx.Client(verify=False, headers=dict(target.headers)) as client:  # noqa: S501
        answer = client.post(target.url, json=body)
    right = answer.status_code == 200 and workload.example.answer in answer.json().values()
    if not right:
        raise BenchError(f"{target.url} answers {answer.status_code} {answer.text[:200]}")
    return target


def _models() -> Path:
    folder = (Path(__file__).resolve().parent.parent / MODELS).resolve()
    if not (folder / "v2/model.joblib").exists():
        raise BenchError("there are no models yet: run make gen-model")
    return folder


def _program(
    root: Path,
    logs: Path,
    name: str,
    command: list[str],
    environ: Mapping[str, str],
    port: int,
    cpus: frozenset[int] | None,
) -> Program:
    return Program(
        name=name,
        command=command,
        cwd=root,
        environ={**os.environ, "PATH": search_path(root), **environ},
        port=port,
        log=logs / f"{name}.log",
        cpus=cpus,
    )
