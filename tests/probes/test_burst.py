"""A burst counts what was answered and what was not, and ends by itself."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gateway.topology import Instance
from probes.burst import CONNECTIONS, burst
from tests.probes.ab_standin import WORKLOAD


@pytest.mark.parametrize("status", [200, 500])
def test_answers_are_counted(status: int) -> None:
    seen: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def do_POST(self) -> None:
            seen.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        found = burst(Instance("v2-1", "v2", server.server_port), WORKLOAD, 0.2)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert (found.answered, found.failed) == ((len(seen), 0) if status == 200 else (0, len(seen)))
    assert len(seen) > CONNECTIONS
    assert found.seconds >= 0.2
    assert found.rate == found.answered / found.seconds
    assert json.loads(seen[0]) == WORKLOAD.body(WORKLOAD.example.text)


def test_where_nobody_is_it_gives_up_at_once() -> None:
    found = burst(Instance("v2-1", "v2", 1), WORKLOAD, 30.0)
    assert found.answered == 0
    assert found.failed == CONNECTIONS * (CONNECTIONS + 1)
    assert found.seconds < 5
