"""Whether instances offer metrics, asked of real sockets."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from gateway.offers import MetricsOffer, metrics_offer, metrics_offers
from gateway.topology import HOST, Instance, Topology


@contextmanager
def application(status: int) -> Iterator[int]:
    """Answers every request with this status, at the port that is given."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/metrics" else 500)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on stderr."""

    with HTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("status", "offer"),
    [
        (200, MetricsOffer.OFFERED),
        (404, MetricsOffer.NOT_OFFERED),
        (405, MetricsOffer.NOT_OFFERED),
    ],
)
def test_the_answer_decides(status: int, offer: MetricsOffer) -> None:
    with application(status) as port:
        assert metrics_offer(port) is offer


def test_nobody_there_is_something_else() -> None:
    assert metrics_offer(free_port()) is MetricsOffer.UNREACHABLE


def test_a_port_that_speaks_no_http_is_unreachable() -> None:
    with socket.create_server((HOST, 0)) as server:

        def hang_up() -> None:
            connection, _ = server.accept()
            connection.sendall(b"\x00\x01\n")
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        assert metrics_offer(server.getsockname()[1]) is MetricsOffer.UNREACHABLE
        thread.join()


def test_each_instance_by_its_name() -> None:
    with application(200) as one, application(404) as other:
        instances = (Instance("v1-1", "v1", one), Instance("v2-1", "v2", other))
        topology = Topology(instances, 1, 2, 3, 4, 5, 6)
        assert metrics_offers(topology) == {
            "v1-1": MetricsOffer.OFFERED,
            "v2-1": MetricsOffer.NOT_OFFERED,
        }
