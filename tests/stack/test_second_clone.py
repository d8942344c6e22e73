"""A second workspace beside the running one, below a folder that nobody else may enter."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway.agreement import agreement
from gateway.supervisor import Supervisor
from gateway.topology import Topology
from scripts.stack import wait_until
from tests.stack.clients import Clients
from tests.stack.clone import Clone, cloned

OFFSET = 1000


@pytest.fixture
def copy(supervisor: Supervisor, root: Path) -> Iterator[Clone]:
    """A copy that has the ports of the running stack."""
    with cloned(root) as clone:
        yield clone


@pytest.fixture(scope="module")
def second(supervisor: Supervisor, root: Path) -> Iterator[Clone]:
    """A copy on ports of its own, started."""
    with cloned(root) as clone:
        clone.move_declared_ports(OFFSET)
        clone.follow(agreement(clone.root))
        started = clone.start()
        assert started.returncode == 0, started.stderr
        yield clone


def test_the_check_names_every_line_to_edit(copy: Clone) -> None:
    before = copy.topology
    copy.move_declared_ports(OFFSET)
    listed = agreement(copy.root)
    assert {difference.file for difference in listed} == {
        "monitoring/grafana/grafana.ini",
        "monitoring/grafana/provisioning/datasources/prometheus.yml",
        "monitoring/prometheus.yml",
        "nginx/conf.d/servers.conf",
        "nginx/upstreams.conf",
    }
    refused = copy.start()
    assert refused.returncode == 2
    *lines, summary = refused.stderr.splitlines()
    assert lines == [f"start: {difference}" for difference in listed]
    assert summary.startswith(f"start: {len(listed)} lines do not say what process-compose.yaml")
    copy.follow(listed)
    assert agreement(copy.root) == ()
    assert [i.port for i in copy.topology.instances] == [i.port + OFFSET for i in before.instances]


def test_every_taken_port_is_named_with_its_holder(
    copy: Clone, supervisor: Supervisor, topology: Topology, root: Path
) -> None:
    pids = {process.name: process.pid for process in supervisor.processes()}
    refused = copy.start()
    assert refused.returncode == 1
    *lines, summary = refused.stderr.splitlines()
    # Grafana's port counts only where there is a Grafana.
    assert len(lines) in (9, 10)
    assert summary == f"start: {len(lines)} ports are taken; nothing was started"
    https, v1_1 = lines[0], next(line for line in lines if "(v1-1)" in line)
    place = f"nginx (pid {pids['nginx']} in {root})"
    assert f"port {topology.https_port} (gateway HTTPS) is taken by {place}" in https
    assert "GATEWAY_HTTPS_PORT another number in .env:" in https
    assert f"(pid {pids['v1-1']} in {root})" in v1_1
    for file in ("process-compose.yaml:", "nginx/upstreams.conf:", "monitoring/prometheus.yml:"):
        assert file in v1_1
    assert not (copy.root / "var/run/pc.sock").exists()


def test_both_answer_at_the_same_time(connect: Clients, second: Clone) -> None:
    first = connect("127.0.1.70").post("/predict", json={"sentence": "I am happy"})
    other = second.predict()
    assert (first.status_code, other.status_code) == (200, 200)
    assert first.json() == other.json()
    debug = second.predict(**{"X-Experiment-Group": "debug"})
    assert debug.headers["X-Instance"] == "v2-1"


def test_the_workers_of_a_closed_folder_can_read_the_login(second: Clone) -> None:
    for folder in (second.root, second.root.parent):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert second.predict().status_code == 200
    # Only root has workers of another user, who could not enter.
    assert (second.root / "var/nginx/main-user.conf").exists() == (os.geteuid() == 0)


def test_each_prometheus_asks_its_own(second: Clone) -> None:
    topology = second.topology
    url = f"http://127.0.0.1:{topology.prometheus_port}/api/v1/targets"

    def up() -> dict[str, str]:
        targets = httpx.get(url).json()["data"]["activeTargets"]
        return {target["scrapeUrl"]: target["health"] for target in targets}

    ports = {
        topology.exporter_port,
        topology.prometheus_port,
        *(instance.port for instance in topology.instances),
    }
    assert wait_until(lambda: set(up().values()) == {"up"}, 30), up()
    assert set(up()) == {f"http://127.0.0.1:{port}/metrics" for port in ports}


def test_stopping_one_leaves_the_other(connect: Clients, root: Path) -> None:
    with cloned(root) as third:
        third.move_declared_ports(2 * OFFSET)
        third.follow(agreement(third.root))
        assert third.start().returncode == 0
        stopped = third.stop()
        assert stopped.returncode == 0, stopped.stderr
        with pytest.raises(httpx.ConnectError):
            third.predict()
    assert connect("127.0.1.71").get("/healthz").status_code == 200
