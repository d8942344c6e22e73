"""What the supervised processes do when they are hurt."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

import httpx
import pytest

from gateway.accesslog import parse
from gateway.supervisor import Process, Supervisor
from gateway.topology import Topology
from scripts.stack import alive, last_words, search_path, wait_until
from tests.stack.clients import Clients

CLIENTS = 32
RATE_PER_CLIENT = 8.0  # requests/s; the limit is 10 per address
KILLS = 5


def process(supervisor: Supervisor, name: str) -> Process:
    return next(found for found in supervisor.processes() if found.name == name)


def ready_again(supervisor: Supervisor, name: str, pid: int) -> bool:
    found = process(supervisor, name)
    return found.pid not in (0, pid) and found.is_ready


class Load(threading.Thread):
    """One client that posts at a steady rate until it is told to stop."""

    def __init__(self, client: httpx.Client, stop: threading.Event) -> None:
        super().__init__()
        self.client, self.stop_event = client, stop
        self.outcomes: Counter[str] = Counter()

    def run(self) -> None:
        due = time.monotonic()
        while not self.stop_event.wait(max(0.0, due - time.monotonic())):
            due += 1 / RATE_PER_CLIENT
            try:
                answer = self.client.post("/predict", json={"sentence": "I am happy"})
                self.outcomes[str(answer.status_code)] += 1
            except httpx.HTTPError as error:
                self.outcomes[type(error).__name__] += 1


def test_killing_an_instance_loses_no_request(
    connect: Clients, supervisor: Supervisor, topology: Topology, root: Path
) -> None:
    log = root / "var/logs/access.jsonl"
    before = len(log.read_bytes().splitlines())
    stop = threading.Event()
    load = [Load(connect(f"127.0.1.{100 + n}"), stop) for n in range(CLIENTS)]
    for client in load:
        client.start()
    times = []
    v1 = [instance.name for instance in topology.instances if instance.version == "v1"]
    try:
        for number in range(KILLS):
            victim = process(supervisor, v1[number % len(v1)])
            begun = time.monotonic()
            os.kill(victim.pid, signal.SIGKILL)
            assert wait_until(partial(ready_again, supervisor, victim.name, victim.pid), 20)
            times.append(time.monotonic() - begun)
    finally:
        stop.set()
        for client in load:
            client.join()
    outcomes: Counter[str] = Counter()
    for client in load:
        outcomes += client.outcomes
    lines = [parse(line) for line in log.read_bytes().splitlines()[before:]]
    retried = sum(access.retried for access in lines)
    print(f"{dict(outcomes)}, retried {retried}, ready again {[f'{t:.1f} s' for t in times]}")  # noqa: T201
    assert set(outcomes) == {"200"}
    assert outcomes["200"] > CLIENTS * KILLS
    assert retried >= 1


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
    assert wait_until(lambda: not alive(before.pid), 10)
    try:
        (folder / name).write_bytes(damaged)
        supervisor.start("v2-1")
        assert wait_until(lambda: name in last_words("v2-1"), 20), last_words("v2-1")
        assert manifest["files"][name]["sha256"] in last_words("v2-1")
        assert hashlib.sha256(damaged).hexdigest() in last_words("v2-1")
        assert not process(supervisor, "v2-1").is_ready
    finally:
        (folder / name).write_bytes(intact)
    assert wait_until(lambda: process(supervisor, "v2-1").is_ready, 20)


def test_v1_is_served_while_v2_is_stopped_and_debug_is_refused(
    connect: Clients, supervisor: Supervisor
) -> None:
    pid = process(supervisor, "v2-1").pid
    supervisor.stop("v2-1")
    try:
        assert wait_until(lambda: not alive(pid), 10)
        client = connect("127.0.1.40")
        body = {"sentence": "I am sad"}
        forced = client.post("/predict", json=body, headers={"X-Experiment-Group": "debug"})
        assert forced.status_code in (502, 503)
        assert "X-Instance" not in forced.headers
        assert client.post("/predict", json=body).json()["prediction"] == "negative"
    finally:
        supervisor.start("v2-1")
    assert wait_until(lambda: process(supervisor, "v2-1").is_ready, 20)


def test_start_brings_back_what_was_stopped(
    connect: Clients, supervisor: Supervisor, root: Path
) -> None:
    pid = process(supervisor, "nginx").pid
    supervisor.stop("nginx")
    assert wait_until(lambda: not alive(pid), 10)
    assert not process(supervisor, "nginx").is_ready
    done = subprocess.run(
        [sys.executable, "-m", "scripts.start_project"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
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
