"""What the supervised processes do when they are hurt."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from gateway.supervisor import Supervisor
from gateway.topology import Topology
from scripts.stack import alive, last_words, search_path, wait_until
from tests.modules import run_module
from tests.stack.clients import Clients
from tests.stack.hurting import process


def test_serving_processes_never_load_scikit_learn(
    supervisor: Supervisor, topology: Topology
) -> None:
    for instance in topology.instances:
        mapped = Path(f"/proc/{process(supervisor, instance.name).pid}/maps").read_text()
        assert "/uvloop/" in mapped  # the right process was looked at
        assert "/sklearn/" not in mapped


def test_a_damaged_model_is_refused_by_name(supervisor: Supervisor, root: Path) -> None:
    folder = root / "var/models/v2"
    manifest = json.loads((folder / "manifest.json").read_text())
    name = next(file for file in manifest["files"] if not file.endswith(".joblib"))
    intact = (folder / name).read_bytes()
    damaged = bytearray(intact)
    damaged[len(damaged) // 2] ^= 1
    before = process(supervisor, "v2-1")
    supervisor.stop("v2-1")
    assert wait_until(lambda: not alive(before.pid), 30)
    try:
        (folder / name).write_bytes(damaged)
        supervisor.start("v2-1")
        assert wait_until(lambda: name in last_words("v2-1"), 30), last_words("v2-1")
        assert manifest["files"][name]["sha256"] in last_words("v2-1")
        assert hashlib.sha256(damaged).hexdigest() in last_words("v2-1")
        assert not process(supervisor, "v2-1").is_ready
    finally:
        (folder / name).write_bytes(intact)
    assert wait_until(lambda: process(supervisor, "v2-1").is_ready, 30)


def test_start_brings_back_what_was_stopped(
    connect: Clients, supervisor: Supervisor, root: Path
) -> None:
    pid = process(supervisor, "nginx").pid
    supervisor.stop("nginx")
    assert wait_until(lambda: not alive(pid), 30)
    assert not process(supervisor, "nginx").is_ready
    done = run_module(root, "scripts.start_project")
    assert done.returncode == 0, done.stderr
    assert "starting nginx, which had stopped" in done.stderr
    assert connect("127.0.1.41").get("/healthz").status_code == 200


def test_the_supervisor_listens_on_no_port(supervisor: Supervisor, topology: Topology) -> None:
    expected = {
        topology.https_port,
        topology.http_port,
        topology.status_port,
        topology.exporter_port,
        topology.prometheus_port,
        topology.grafana_port,
        *(instance.port for instance in topology.instances),
    }
    owner = Path("var/run/pc.sock").stat()
    assert owner.st_uid == os.geteuid()
    pids = [found.pid for found in supervisor.processes() if alive(found.pid)]
    parents = {_parent(pid) for pid in pids}
    assert len(parents) == 1
    assert _listening_ports(parents.pop()) == set()
    opened = {port for pid in pids for port in _listening_ports(pid)}
    assert opened <= expected


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _listening_ports(pid: int) -> set[int]:
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(link.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    ports = set()
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == "0A" and fields[9] in inodes:  # 0A: LISTEN (net/tcp_states.h)
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


@pytest.mark.parametrize("name", ["list", "process list", "project state"])
def test_the_command_line_works_without_flags(
    supervisor: Supervisor, root: Path, name: str
) -> None:
    done = subprocess.run(
        ["process-compose", *name.split()],
        cwd=root,
        env={**os.environ, "PATH": search_path(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
