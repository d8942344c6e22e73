"""The clone that is damaged in ways from which the books of the other tests would not recover."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.clients import Clients
from tests.stack.faults.apart import Apart, apart


@pytest.fixture(scope="package")
def clone(root: Path) -> Iterator[Apart]:
    """Started once; each test leaves it well."""
    with apart(root) as started:
        yield started


@pytest.fixture
def reach(clone: Apart) -> Iterator[Clients]:
    """Opens clients of the gateway of the clone, closed after the test."""
    clients = Clients(clone.settings.https_port, str(clone.root / "nginx/certs/nginx.crt"))
    yield clients
    clients.close()
