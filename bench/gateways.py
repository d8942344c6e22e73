"""Our gateway and its peers before one fast backend, each with the request that goes to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench.declared import declared
from bench.errors import BenchError
from bench.instances import declared_program, predict_target
from bench.load import Target
from bench.processes import Program, Server, serving
from bench.rounds import Contender
from bench.stacks import (
    BARE_HTTPS_PORT,
    HERE,
    PASSWORD,
    login_header,
    nginx_folder,
    nginx_program,
    prepare_gateway,
)
from gateway.canary import Experiment, write_experiment
from gateway.settings import load_settings
from gateway.topology import load_topology
from gateway.workload import load_workload
from scripts.stack import search_path

BARE = "bare nginx proxy"
OURS = "ours ({SSHA})"
CANARY = "ours, canary of 50 %"
SHADOW = "ours, shadow of 20 %"
HAPROXY = "haproxy"
CADDY = "caddy"
PART = "gateway"
_HAPROXY_PORT = 7444
_CADDY_PORT = 7445
"""Both literal in the files of the peers."""


def contenders(clone: Path, running: ExitStack) -> list[Contender]:
    """Start all of them in `clone`, a copy of this folder. Raises BenchError."""
    topology = load_topology(clone, load_settings(clone, {}))
    prepare_gateway(clone)
    answer = load_workload(clone).example.answer or ""
    ports = [instance.port for instance in topology.instances]
    running.enter_context(serving(_backend(clone, answer, ports)))

    program = declared_program(
        clone, clone / "var/logs", declared(clone, "nginx"), topology.https_port
    )
    nginx = running.enter_context(serving(program))
    found = [_bare(clone, running)]
    target = _target(clone, topology.https_port, login_header("random"))
    for name, experiment in (
        (OURS, Experiment()),
        (CANARY, Experiment(weight=50)),
        (SHADOW, Experiment(shadow=20)),
    ):
        ready = partial(write_experiment, clone, experiment)
        found.append(Contender(name, target, {PART: nginx.cpu_s}, ready))
    for name, program_name in ((HAPROXY, "haproxy"), (CADDY, "caddy")):
        if shutil.which(program_name) is None:
            sys.stderr.write(f"bench: no {program_name} on PATH: its row is left out\n")
            continue
        start = _haproxy if name == HAPROXY else _caddy
        found.append(start(clone, running))
    return found


def _bare(clone: Path, running: ExitStack) -> Contender:
    folder = nginx_folder(clone, "bare")
    server = running.enter_context(serving(nginx_program(folder, BARE_HTTPS_PORT)))
    return _contender(BARE, _target(clone, BARE_HTTPS_PORT, {}), server)


def _haproxy(clone: Path, running: ExitStack) -> Contender:
    folder = _peer_folder(clone, "haproxy")
    pair = [(folder / name).read_text() for name in ("nginx.crt", "nginx.key")]
    (folder / "haproxy.pem").write_text("".join(pair))
    text = (HERE / "peer_haproxy.cfg").read_text()
    (folder / "haproxy.cfg").write_text(text.replace("@PASSWORD@", PASSWORD))
    command = ["haproxy", "-db", "-f", "haproxy.cfg"]
    server = running.enter_context(serving(_peer(folder, command, _HAPROXY_PORT)))
    return _contender(HAPROXY, _target(clone, _HAPROXY_PORT, login_header("random")), server)


def _caddy(clone: Path, running: ExitStack) -> Contender:
    folder = _peer_folder(clone, "caddy")
    hashed = subprocess.run(
        ["caddy", "hash-password", "--plaintext", PASSWORD, "--bcrypt-cost", "5"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    if hashed.returncode != 0:
        raise BenchError(f"caddy hash-password failed: {hashed.stderr.strip()}")
    text = (HERE / "peer_Caddyfile").read_text()
    (folder / "Caddyfile").write_text(text.replace("@HASH@", hashed.stdout.strip()))
    command = ["caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile"]
    server = running.enter_context(serving(_peer(folder, command, _CADDY_PORT)))
    return _contender(CADDY, _target(clone, _CADDY_PORT, login_header("random")), server)


def _contender(name: str, target: Target, server: Server) -> Contender:
    return Contender(name, target, {PART: server.cpu_s})


def _target(clone: Path, port: int, headers: Mapping[str, str]) -> Target:
    return predict_target(clone, f"https://127.0.0.1:{port}", headers)


def _backend(clone: Path, answer: str, ports: list[int]) -> Program:
    command = [sys.executable, "-m", "bench.fast_backend", answer, *map(str, ports)]
    return Program("backend", command, clone, os.environ, ports[-1], clone / "var/backend.log")


def _peer_folder(clone: Path, name: str) -> Path:
    folder = clone.parent / name
    folder.mkdir()
    for file in ("nginx.crt", "nginx.key"):
        shutil.copy(clone / "nginx/certs" / file, folder)
    return folder


def _peer(folder: Path, command: list[str], port: int) -> Program:
    environ = {**os.environ, "PATH": search_path(HERE.parent), "HOME": str(folder)}
    return Program(folder.name, command, folder, environ, port, folder / "log")
