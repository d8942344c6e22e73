"""On Ray nothing changes for whoever asks, watches or operates."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway import process_table
from gateway.canary import Experiment, write_experiment
from gateway.supervisor import Supervisor
from gateway.topology import Topology
from scripts.stack import wait_until
from tests.ray.replicas import PRESENT, asked
from tests.stack.clients import Clients
from tests.stack.clone import Clone
from tests.stack.hurting import process, wait_for_another
from tests.stack.load import Load

NODES = ("ray-1", "ray-2")
ASKED = 'ray_serve_deployment_request_counter_total{route="/v1/predict"}'


def _listening(pids: set[int]) -> list[str]:
    """The addresses on which these processes listen."""
    text = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    found = []
    for line in text.splitlines():
        owners = {int(pid) for pid in re.findall(r"pid=(\d+)", line)}
        if owners & pids:
            found.append(line.split()[3])
    return found


def test_the_same_commands_and_answers(workspace: Clone, supervisor: Supervisor) -> None:
    first = workspace.make("test-api")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["version"] == "v1"
    assert re.search(r"200 from v1-[1-4]\b", first.stderr)
    second = workspace.make("test-api-debug")
    assert second.returncode == 0, second.stderr
    assert json.loads(second.stdout)["prediction_proba_dict"]
    assert re.search(r"200 from v2-[12]\b", second.stderr)


def test_every_check_passes(workspace: Clone, supervisor: Supervisor) -> None:
    done = workspace.run("dashboard", "check", "--json")
    checks = json.loads(done.stdout)["checks"]
    assert [each for each in checks if each["outcome"] != "passed"] == []
    assert done.returncode == 0, done.stderr


def test_both_nodes_answer(connect: Clients, topology: Topology) -> None:
    """Prometheus has it from Ray's own metrics: each node has a replica of v1 that was asked."""
    client = connect("127.0.4.90")

    def answered() -> set[str]:
        client.post("/predict", json={"sentence": "I am happy"})
        found = asked(topology, f"sum by (node) ({ASKED})")
        return {each["metric"]["node"] for each in found if each["value"][1] != "0"}

    assert wait_until(lambda: answered() == set(NODES), 60.0, 1.0)


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
    ours = {p for node in NODES for p in process_table.family(process(supervisor, node).pid)}
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


def _kill(supervisor: Supervisor, node: str) -> None:
    raylet = next(
        pid
        for pid in process_table.family(process(supervisor, node).pid)
        if Path(f"/proc/{pid}/comm").read_text().strip() == "raylet"
    )
    os.kill(raylet, signal.SIGKILL)


def _replicas(topology: Topology, node: str) -> set[str]:
    """Those of v1 on that node; in Prometheus 15 s later at most."""
    of_v1_there = {"application": "v1", "node": node}
    labels = [each["metric"] for each in asked(topology, PRESENT)]
    return {each["replica"] for each in labels if of_v1_there.items() <= each.items()}


@pytest.mark.parametrize("node", ["ray-2", "ray-1"])
def test_a_node_dies_and_no_prediction_is_lost(
    node: str,
    connect: Clients,
    supervisor: Supervisor,
    topology: Topology,
    all_ready: Callable[[], bool],
) -> None:
    """The first one as well, though it is the one that knows what runs where."""
    pid, lost = process(supervisor, node).pid, _replicas(topology, node)
    assert lost
    with Load(connect, 4) as load:
        load.wait_for(60)
        _kill(supervisor, node)
        wait_for_another(supervisor, node, pid)
        assert wait_until(all_ready, 90.0)
        # Before that the other node alone has any, and must not be the next.
        assert wait_until(lambda: bool(_replicas(topology, node) - lost), 90.0)
        load.wait_for(60)
    assert load.outcomes.keys() == {"200"}, load.outcomes
