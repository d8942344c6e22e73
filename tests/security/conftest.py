"""The same gateway as in tests/nginx: the unmodified files, nginx itself, stand-ins behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.canary import Experiment, write_experiment
from tests.nginx.conftest import Gateway, client, connect, gateway, prepared, topology

__all__ = ["client", "connect", "gateway", "prepared", "topology"]


@pytest.fixture
def everything_tried(gateway: Gateway) -> Iterator[Gateway]:
    """The gateway while v2 answers every user and gets a copy of all that v1 is asked."""
    write_experiment(gateway.root, Experiment(weight=100, shadow=100))
    yield gateway
    write_experiment(gateway.root, Experiment())


@pytest.fixture
def all_shadowed(gateway: Gateway) -> Iterator[Gateway]:
    """The gateway while v1 answers, and v2 gets a copy of everything."""
    write_experiment(gateway.root, Experiment(shadow=100))
    yield gateway
    write_experiment(gateway.root, Experiment())
