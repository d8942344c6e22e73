"""The two whole stacks: files, processes, and the request that goes to each."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.declared import declared
from bench.errors import BenchError
from bench.instances import declared_program, exam_program, predict_target
from bench.processes import Program, Server, serving
from bench.raised_limits import raised_all
from bench.rounds import Contender
from gateway.htpasswd import FILE as HTPASSWD
from gateway.htpasswd import hash_apr1, hash_ssha
from gateway.settings import load_settings
from gateway.topology import load_topology
from scripts.stack import search_path

HERE = Path(__file__).resolve().parent
EXAM_INSTANCES = (("v1", 9101), ("v1", 9102), ("v1", 9103), ("v2", 9201))
EXAM_HTTPS_PORT = 9443
"""As the instances' ports: literal in exam_nginx.conf."""
BARE_HTTPS_PORT = 7443
"""Literal in bare_nginx.conf."""
PASSWORD = "0c9f1e5a7b3d4826c1d08e4f6a2b9375"  # noqa: S105 - as long-lived as the benchmark
EXAM = "exam (apr1)"
OURS = "ours ({SSHA})"
OURS_DEMO = "ours (apr1, the demo's)"
BARE = "bare proxy to our v1"
V2 = " v2"
"""Ends the names of the rows that v2 answers."""
_TO_V2 = {"X-Experiment-Group": "debug"}


def our_stack(clone: Path, running: ExitStack) -> list[Contender]:
    """Start everything that answers a request in `clone`, a copy of this folder, and its exporter.

    Raises BenchError.
    """
    prepare_gateway(clone)
    topology = load_topology(clone, load_settings(clone, {}))
    ports = {instance.name: instance.port for instance in topology.instances}
    ports |= {"nginx": topology.https_port, "exporter": topology.exporter_port}
    servers = {
        name: running.enter_context(
            serving(declared_program(clone, clone / "var/logs", declared(clone, name), port))
        )
        for name, port in ports.items()
    }
    services = _total([servers[instance.name] for instance in topology.instances])
    parts = {
        "nginx": servers["nginx"].cpu_s,
        "services": services,
        "exporter": servers["exporter"].cpu_s,
    }
    address = f"https://127.0.0.1:{topology.https_port}"
    headers = {
        OURS: login_header("random"),
        OURS_DEMO: login_header("demo"),
        OURS + V2: login_header("random") | _TO_V2,
    }
    return [
        Contender(name, predict_target(clone, address, sent), parts)
        for name, sent in headers.items()
    ]


def prepare_gateway(clone: Path) -> None:
    """Make `clone` ready to start nginx: limits raised, and the users "random" and "demo".

    Raises BenchError.
    """
    _raise_limits([*(clone / "nginx").rglob("*.conf")])
    _prepare(clone)
    # A user for each kind of hash: one nginx serves both rows. Written in place, so that
    # nginx's workers can read the file as before.
    users = (("random", hash_ssha(PASSWORD)), ("demo", hash_apr1(PASSWORD)))
    (clone / HTPASSWD).write_text("".join(f"{user}:{stored}\n" for user, stored in users))


def bare_proxy(clone: Path, running: ExitStack, ours: Contender) -> Contender:
    """The same nginx with the least configuration before the instances of `ours`."""
    folder = nginx_folder(clone, "bare")
    nginx = running.enter_context(serving(nginx_program(folder, BARE_HTTPS_PORT)))
    target = predict_target(clone, f"https://127.0.0.1:{BARE_HTTPS_PORT}")
    return Contender(BARE, target, {"nginx": nginx.cpu_s, "services": ours.cpu_s["services"]})


def exam_stack(clone: Path, running: ExitStack) -> list[Contender]:
    """Start the exam's stack beside ours, with our models and our certificate.

    Raises BenchError.
    """
    folder = nginx_folder(clone, "exam")
    (folder / "htpasswd").write_text(f"demo:{hash_apr1(PASSWORD)}\n")
    services = [
        running.enter_context(serving(exam_program(clone, folder, version, port)))
        for version, port in EXAM_INSTANCES
    ]
    nginx = running.enter_context(serving(nginx_program(folder, EXAM_HTTPS_PORT)))
    parts = {"nginx": nginx.cpu_s, "services": _total(services)}
    address = f"https://127.0.0.1:{EXAM_HTTPS_PORT}"
    headers = {EXAM: login_header("demo"), EXAM + V2: login_header("demo") | _TO_V2}
    return [
        Contender(name, predict_target(clone, address, sent), parts)
        for name, sent in headers.items()
    ]


def _raise_limits(paths: Sequence[Path]) -> None:
    texts = raised_all({str(path): path.read_text() for path in paths})
    for path in paths:
        path.write_text(texts[str(path)])


def _prepare(clone: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gateway.prepare"],
        cwd=clone,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"gateway.prepare refused: {done.stderr.strip()}")


def nginx_folder(clone: Path, name: str) -> Path:
    """A folder for `<name>_nginx.conf`, beside the clone, with our certificate."""
    folder = clone.parent / name
    folder.mkdir()
    folder.chmod(0o755)  # nginx's workers have to get in
    shutil.copy(HERE / f"{name}_nginx.conf", folder / "nginx.conf")
    for file in ("nginx.crt", "nginx.key"):
        shutil.copy(clone / "nginx/certs" / file, folder)
    if name == "exam":
        _raise_limits([folder / "nginx.conf"])
    return folder


def nginx_program(folder: Path, port: int) -> Program:
    """nginx with the file in `folder`."""
    return Program(
        name=f"nginx of {folder.name}",
        command=["nginx", "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"],
        cwd=folder,
        environ={**os.environ, "PATH": search_path(HERE.parent)},
        port=port,
        log=folder / "nginx.log",
    )


def login_header(user: str) -> dict[str, str]:
    """What "random" or "demo" sends."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()}


def _total(servers: Sequence[Server]) -> Callable[[], float]:
    return lambda: sum(server.cpu_s() for server in servers)
