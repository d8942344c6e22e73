"""What the tests of a running workspace share, whatever it runs on: fixtures for a conftest.py.

Each room says itself, as `supervisor`, how the workspace is started.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.settings import load_settings
from gateway.supervisor import Supervisor
from gateway.topology import Topology, load_topology
from tests.stack.clients import Clients


@pytest.fixture(scope="session")
def root() -> Path:
    """The clone that the tests run in."""
    return Path.cwd()


@pytest.fixture(scope="session")
def topology(root: Path) -> Topology:
    """What its files say."""
    return load_topology(root, load_settings(root, {}))


@pytest.fixture
def connect(supervisor: Supervisor, topology: Topology, root: Path) -> Iterator[Clients]:
    """Opens clients of the gateway, closed after the test."""
    clients = Clients(topology.https_port, str(root / "nginx/certs/nginx.crt"))
    yield clients
    clients.close()
