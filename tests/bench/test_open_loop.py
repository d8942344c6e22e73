"""Latency counts from when a request was due, not from when it could be sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer

import pytest

from bench import open_loop
from bench.errors import BenchError
from bench.load import Target

HELD_S = 0.1


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    status = 200
    held = 0.0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(self.held)
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(kind: type[HTTPServer], handler: type[_Answers]) -> Iterator[Target]:
    with kind(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield Target(f"http://127.0.0.1:{server.server_port}/predict", "{}", {})
        finally:
            server.shutdown()
            thread.join()


def test_as_many_are_sent_as_the_pace_says() -> None:
    with serving(ThreadingHTTPServer, _Answers) as target:
        found = open_loop.run(target, per_second=100, seconds=1, seed=1)
    assert 70 <= found.requests <= 130
    assert 0 < found.p50_ms <= found.p99_ms


def test_a_queue_is_in_the_latency(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at once, at twice the pace that both can hold: the wait for a connection counts."""

    class Slow(_Answers):
        held = HELD_S

    monkeypatch.setattr(open_loop, "SENDERS", 2)
    with serving(ThreadingHTTPServer, Slow) as target:
        found = open_loop.run(target, per_second=4 / HELD_S, seconds=1, seed=1)
    # A closed loop would have seen HELD_S each time.
    assert found.p99_ms > 3 * HELD_S * 1000


def test_a_refusal_is_no_latency() -> None:
    class Refuses(_Answers):
        status = 429

    with (
        serving(ThreadingHTTPServer, Refuses) as target,
        pytest.raises(BenchError, match="answers 429"),
    ):
        open_loop.run(target, per_second=50, seconds=0.1, seed=1)
