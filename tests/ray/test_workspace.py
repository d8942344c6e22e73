"""On Ray nothing changes for whoever asks, watches or operates."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.canary import Experiment, write_experiment
from gateway.supervisor import Supervisor
from gateway.topology import Topology
from scripts.stack import search_path, wait_until
from tests.stack.clients import Clients
from tests.stack.load import Load

NODES = ("ray-1", "ray-2")
ASKED = 'ray_serve_deployment_request_counter_total{route="/v1/predict"}'
WHOLE_AGAIN_S = 30.0
"""How long the loss of a node may last, from the kill to everything ready."""


def _command(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        cwd=root,
        env={**os.environ, "PATH": search_path(root)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _listening(pids: set[int]) -> list[str]:
    """The addresses on which these processes listen."""
    text = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    found = []
    for line in text.splitlines():
        owners = {int(pid) for pid in re.findall(r"pid=(\d+)", line)}
        if owners & pids:
            found.append(line.split()[3])
    return found


def _descendants(pid: int) -> set[int]:
    table = subprocess.run(
        ["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    children: dict[int, list[int]] = {}
    for line in table.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    found, waiting = set(), [pid]
    while waiting:
        found.add(waiting[-1])
        waiting += children.get(waiting.pop(), [])
    return found


def _pids(supervisor: Supervisor) -> dict[str, int]:
    return {process.name: process.pid for process in supervisor.processes() if process.pid}


@pytest.fixture
def all_ready(supervisor: Supervisor) -> Callable[[], bool]:
    def look() -> bool:
        wanted = {*NODES, "v1-1", "v1-2", "v1-3", "v2-1", "nginx"}
        return wanted <= {each.name for each in supervisor.processes() if each.is_ready}

    return look


def test_the_same_commands_and_answers(root: Path, supervisor: Supervisor) -> None:
    first = _command(root, "make", "test-api")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["version"] == "v1"
    assert re.search(r"200 from v1-[123]\b", first.stderr)
    second = _command(root, "make", "test-api-debug")
    assert second.returncode == 0, second.stderr
    assert json.loads(second.stdout)["prediction_proba_dict"]
    assert "200 from v2-1" in second.stderr


def test_every_check_passes(root: Path, supervisor: Supervisor) -> None:
    done = _command(root, sys.executable, "-m", "dashboard", "check", "--json")
    checks = json.loads(done.stdout)["checks"]
    assert [each for each in checks if each["outcome"] != "passed"] == []
    assert done.returncode == 0, done.stderr


def test_both_nodes_answer(connect: Clients) -> None:
    """Prometheus has it from Ray's own metrics: each node has a replica of v1 that was asked."""
    client = connect("127.0.4.90")

    def asked() -> set[str]:
        client.post("/predict", json={"sentence": "I am happy"})
        found = _query(f"sum by (node) ({ASKED})")
        return {each["metric"]["node"] for each in found if each["value"][1] != "0"}

    assert wait_until(lambda: asked() == set(NODES), 60.0, 1.0)


def test_a_canary_moves_users_and_answers_stay(
    connect: Clients, root: Path, topology: Topology
) -> None:
    write_experiment(root, Experiment(weight=100))
    try:
        answer = connect("127.0.4.91").post(
            "/predict", json={"sentence": "I am happy"}, headers={"X-User-Id": "somebody"}
        )
    finally:
        write_experiment(root, Experiment())
    assert (answer.status_code, answer.json()["version"]) == (200, "v2")
    assert topology.version_of(answer.headers["x-instance"]) == "v2"


def test_errors_of_the_application_are_its_own(connect: Clients) -> None:
    client = connect("127.0.4.92")
    wrong = client.post("/predict", json={"sentence": 1})
    assert (wrong.status_code, wrong.headers["x-instance"][:3]) == (422, "v1-")
    json_type = {"Content-Type": "application/json"}
    assert client.post("/predict", content=b"{", headers=json_type).status_code == 400


def test_only_this_machine_and_only_its_owner_can_reach_ray(
    root: Path, supervisor: Supervisor
) -> None:
    pids = _pids(supervisor)
    ours = {pid for node in NODES for pid in _descendants(pids[node])}
    addresses = _listening(ours)
    assert len(addresses) > 10
    outside = [a for a in addresses if not re.match(r"(127\.|\[::ffff:127\.|\[::1\])", a)]
    assert outside == []
    token = root / "var/ray/token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o400
    code = "import ray; ray.init(address='127.0.0.1:8700', log_to_driver=False)"
    stranger = subprocess.run(
        [root / ".tools/ray/bin/python", "-c", code],
        env={
            "PATH": os.environ["PATH"],
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
            "HOME": "/nowhere",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert stranger.returncode != 0
    assert "uthenticat" in stranger.stderr


@pytest.mark.parametrize("node", ["ray-2"])
def test_a_node_dies_and_no_prediction_is_lost(
    node: str,
    connect: Clients,
    supervisor: Supervisor,
    all_ready: Callable[[], bool],
) -> None:
    raylet = next(
        pid
        for pid in _descendants(_pids(supervisor)[node])
        if Path(f"/proc/{pid}/comm").read_text().strip() == "raylet"
    )
    restarts = {each.name: each.restarts for each in supervisor.processes()}[node]
    with Load(connect, 4) as load:
        load.wait_for(60)
        killed = time.monotonic()
        os.kill(raylet, 9)
        assert wait_until(
            lambda: {e.name: e.restarts for e in supervisor.processes()}[node] > restarts, 60.0
        )
        assert wait_until(all_ready, 90.0)
        took = time.monotonic() - killed
        load.wait_for(60)
    assert load.outcomes.keys() == {"200"}, load.outcomes
    assert took < WHOLE_AGAIN_S


def _query(expression: str) -> list[dict[str, Any]]:
    answer = httpx.get("http://127.0.0.1:9090/api/v1/query", params={"query": expression})
    return list(answer.json()["data"]["result"])
