"""Another model on Ray: by the same restart of the instances as ever, replica by replica."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.topology import Topology
from rollout.baseline import digest_of, install
from rollout.candidate import served
from scripts.stack import wait_until
from tests.stack.clients import Clients
from tests.stack.load import Load


def _run(root: Path, *words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def v1_back(root: Path) -> Iterator[None]:
    """v1 has its own model again, afterwards."""
    yield
    _run(root, "services.adopt", "--undo", "--slot=v1")
    _run(root, "scripts.restart", "v1")


def test_every_replica_gets_it_and_no_prediction_is_lost(
    connect: Clients, root: Path, topology: Topology, v1_back: None
) -> None:
    digest = digest_of(root, "v2")
    assert digest is not None
    doors = [each for each in topology.instances if each.version == "v1"]
    assert digest not in {served(door) for door in doors}
    with Load(connect, 4) as load:
        load.wait_for(20)
        install(root, "v2", "v1", digest)
        _run(root, "scripts.restart", "v1")
        assert wait_until(lambda: {served(door) for door in doors} == {digest}, 30.0)
        load.wait_for(20)
    assert load.outcomes.keys() == {"200"}, load.outcomes
