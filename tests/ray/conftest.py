"""The workspace on Ray, once for all tests: started and stopped as a person does it.

`make test-ray` runs these tests in a fresh clone and, where the machine allows it, in a network
of its own; the working directory is that clone.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.settings import load_settings
from gateway.supervisor import SOCKET, Supervisor
from gateway.topology import Topology, load_topology
from scripts import stack
from tests.stack.clients import Clients

START_TIMEOUT_S = 360


@pytest.fixture(scope="session")
def root() -> Path:
    return Path.cwd()


@pytest.fixture(scope="session")
def topology(root: Path) -> Topology:
    return load_topology(root, load_settings(root, {}))


@pytest.fixture(scope="session")
def supervisor(root: Path, topology: Topology) -> Iterator[Supervisor]:
    """The API of the running workspace on Ray."""
    if stack.listening(topology.https_port):
        pytest.exit("port 8443 is in use: run `make test-ray`, or make stop-project")
    started = _run(root, "scripts.start_ray")
    assert started.returncode == 0, started.stderr
    try:
        yield Supervisor(root / SOCKET)
    finally:
        stopped = _run(root, "scripts.stop_project")
    assert stopped.returncode == 0, stopped.stderr


@pytest.fixture
def connect(supervisor: Supervisor, topology: Topology, root: Path) -> Iterator[Clients]:
    """Opens clients of the gateway, closed after the test."""
    clients = Clients(topology.https_port, str(root / "nginx/certs/nginx.crt"))
    yield clients
    clients.close()


def _run(root: Path, module: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module],
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=START_TIMEOUT_S,
        check=False,
    )
