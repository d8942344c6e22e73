"""A workspace with a certificate, and a stand-in for the gateway that shows it."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.certificates import ensure_certificate
from gateway.settings import load_settings
from tests.probes.standin import StandIn

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a workspace that has a certificate."""
    root = tmp_path_factory.mktemp("workspace")
    (root / "nginx/certs").mkdir(parents=True)
    (root / "var/run").mkdir(parents=True)
    ensure_certificate(root, load_settings(ROOT, {}), time.time())
    return root


@pytest.fixture
def gateway(certified: Path) -> Iterator[StandIn]:
    """Its gateway, which answers as the test says."""
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(certified / "nginx/certs/nginx.crt", certified / "nginx/certs/nginx.key")
    standin = StandIn(trust)
    standin.start()
    yield standin
    standin.close()
