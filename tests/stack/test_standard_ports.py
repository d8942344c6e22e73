"""The gateway on 443 and 80, by the two settings alone: everything follows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway.agreement import agreement
from scripts.port_check import is_taken
from tests.stack.clone import Clone, cloned

MOVED = {"GATEWAY_HTTPS_PORT": "443", "GATEWAY_HTTP_PORT": "80"}
FREE_BELOW = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")


@pytest.fixture
def clone(root: Path) -> Iterator[Clone]:
    """A copy whose other ports are free."""
    if os.geteuid() != 0 and int(FREE_BELOW.read_text()) > 80:
        pytest.skip("not covered: only root may listen on 443 and 80 here")
    if is_taken(443, "127.0.0.1") or is_taken(80, "127.0.0.1"):
        pytest.skip("not covered: something else listens on 443 or 80 here")
    with cloned(root) as copied:
        copied.move_declared_ports(3000)
        copied.follow(agreement(copied.root))
        yield copied


@pytest.mark.parametrize("where", [".env", "environment"])
def test_redirect_and_commands_follow(clone: Clone, where: str) -> None:
    moved = MOVED
    if where == ".env":
        path = clone.root / ".env"
        settings = clone.settings
        text = path.read_text().replace(str(settings.https_port), "443")
        path.write_text(text.replace(str(settings.http_port), "80"))
        moved = {}
    started = clone.start(**moved)
    assert started.returncode == 0, started.stderr
    assert "https://localhost/predict " in started.stdout
    assert "http://localhost redirects to it" in started.stdout
    redirected = httpx.get("http://localhost/predict?x=1")
    assert redirected.headers["Location"] == "https://localhost/predict?x=1"
    answered = clone.run("probes.example", **moved)
    assert answered.returncode == 0, answered.stderr
    assert '"version": "v1"' in answered.stdout
