"""The workspace on Ray, once for all tests: started and stopped as a person does it.

`make test-ray` runs these tests in a fresh clone and, where the machine allows it, in a network
of its own; the working directory is that clone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashboard.feed import LiveFeed, declared_workspace, live_sources
from dashboard.sources.prometheus import Prometheus
from gateway.settings import load_settings
from gateway.supervisor import SOCKET, Supervisor
from gateway.topology import Topology
from scripts import stack
from tests.stack.clone import Clone
from tests.stack.live_rollout import FAULTS
from tests.stack.running import connect, root, topology

__all__ = ["all_ready", "connect", "feed", "root", "supervisor", "topology", "workspace"]


@pytest.fixture(scope="session")
def workspace(root: Path) -> Clone:
    """Runs commands as a person does."""
    return Clone(root)


@pytest.fixture(scope="session")
def supervisor(workspace: Clone, topology: Topology) -> Iterator[Supervisor]:
    """The API of the running workspace on Ray, whose replicas fail where a test asks for it."""
    if stack.listening(topology.https_port):
        pytest.exit("port 8443 is in use: run `make test-ray`, or make stop-project")
    started = workspace.run("scripts.start_ray", FAULTS_FILE=str(FAULTS))
    assert started.returncode == 0, started.stderr
    try:
        yield Supervisor(workspace.root / SOCKET)
    finally:
        stopped = workspace.stop()
    assert stopped.returncode == 0, stopped.stderr


@pytest.fixture
def all_ready(supervisor: Supervisor, topology: Topology) -> Callable[[], bool]:
    """Whether nodes, doors and gateway are."""
    wanted = {*(each.name for each in topology.instances), "ray-1", "ray-2", "nginx"}

    def look() -> bool:
        return wanted <= {each.name for each in supervisor.processes() if each.is_ready}

    return look


@pytest.fixture
def feed(root: Path, topology: Topology, supervisor: Supervisor) -> Iterator[LiveFeed]:
    """What `make dashboard` shows; it asks Prometheus more often, so that a test waits less."""
    workspace = declared_workspace(topology, load_settings(root, {}), time.time())
    sources = list(live_sources(root, topology, workspace))
    for source in sources:
        if isinstance(source, Prometheus):
            source.period_s = 0.5
    opened = LiveFeed(workspace, sources)
    opened.start()
    yield opened
    opened.stop()
