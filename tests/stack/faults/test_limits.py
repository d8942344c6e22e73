"""Out of file descriptors: an instance, and the workers of nginx."""

from __future__ import annotations

import socket
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import httpx

from scripts.stack import wait_until
from tests.stack.clients import Clients
from tests.stack.faults.apart import Apart
from tests.stack.faults.seen import looking
from tests.stack.load import SENTENCE

CLIENTS = 16


def test_workers_of_nginx_without_descriptors_come_back_by_themselves(
    clone: Apart, reach: Clients
) -> None:
    """As many idle connections as both may have files; then they end."""
    path = clone.root / "nginx/nginx.conf"
    intact = path.read_text()
    path.write_text(intact.replace("worker_rlimit_nofile 2048", "worker_rlimit_nofile 40"))
    try:
        reloaded = clone.run("gateway.reload")
        assert reloaded.returncode == 0, reloaded.stderr
        outcomes: Counter[str] = Counter()
        with looking(clone.seen_root, clone.topology) as seen:

            def short() -> bool:
                outcomes.update(asked_beside_idle_ones(clone, reach))
                return outcomes["500"] > 0

            assert wait_until(short, 30), outcomes
            seen.wait_for("requests failed .*by nginx itself")
        # Whoever was idle has gone: there is room again.
        answer = reach("127.0.4.60").post("/predict", json=SENTENCE)
        assert answer.status_code == 200
    finally:
        path.write_text(intact)
        assert clone.run("gateway.reload").returncode == 0
    sys.stderr.write(f"workers without descriptors: {dict(outcomes)}\n")


def asked_beside_idle_ones(clone: Apart, reach: Clients) -> Iterator[str]:
    """What becomes of a few requests while a hundred connections say nothing."""
    with ExitStack() as opened:
        for _ in range(100):
            address = ("127.0.0.1", clone.settings.https_port)
            opened.enter_context(socket.create_connection(address, 5))
        for number in range(5):
            try:
                answer = reach(f"127.0.4.{40 + number}").post("/predict", json=SENTENCE)
                yield str(answer.status_code)
            except httpx.HTTPError as error:
                yield type(error).__name__
