"""The real stack, once for all tests: the unmodified files, started by process-compose.

`make test` runs these tests in a fresh clone and, where the machine allows it, in a
network of its own; the working directory is that clone.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.canary import Experiment, write_experiment
from gateway.supervisor import SOCKET, Supervisor
from gateway.topology import Topology
from scripts import stack
from tests.stack.books import Books
from tests.stack.running import connect, root, topology

__all__ = ["books", "connect", "root", "supervisor", "topology", "trying"]

START_TIMEOUT_S = 180.0


@pytest.fixture(scope="session")
def supervisor(root: Path, topology: Topology) -> Iterator[Supervisor]:
    """The API of the running stack."""
    if stack.listening(topology.https_port):
        pytest.exit("port 8443 is in use: run `make test LAYERS=stack`, or make stop-project")
    # As a person would type it, with the tools on PATH and nothing else set.
    done = subprocess.run(
        ["process-compose", "up", "-D"],
        cwd=root,
        env={**os.environ, "PATH": stack.search_path(root)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    client = Supervisor(root / SOCKET)
    try:
        for _ in stack.watch(client, START_TIMEOUT_S):
            pass
        yield client
    finally:
        stack.stop(client)


@pytest.fixture
def trying(root: Path) -> Iterator[Callable[..., None]]:
    """Sets what is being tried, for example weight=50; nothing is, afterwards."""

    def try_out(**what: Any) -> None:
        write_experiment(root, Experiment(**what))

    yield try_out
    try_out()


@pytest.fixture
def books(supervisor: Supervisor, topology: Topology, root: Path) -> Books:
    """What log, exporter and services count from now on."""
    return Books(root, supervisor, topology)
