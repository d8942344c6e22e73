"""The client against a gateway that breaks connections, hangs and closes."""

from __future__ import annotations

import base64
import dataclasses
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.certificates import ensure_certificate
from gateway.errors import ConfigurationError
from gateway.settings import Settings, load_settings
from probes import client as client_module
from probes.client import Client, NoAnswer

ROOT = Path(__file__).parents[2]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CLOSE = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
BREAK = b""
"""Instead of an answer: the connection ends."""
END = b"HTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n"
"""An answer that promises to keep the connection, which then ends all the same."""


class StandIn(threading.Thread):
    """Answers over TLS as `answers` says, one item a request; remembers what it was asked."""

    def __init__(self, trust: ssl.SSLContext) -> None:
        super().__init__(daemon=True)
        self._trust = trust
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.answers: list[bytes] = []
        self.asked: list[tuple[int, dict[str, str], bytes]] = []
        """Number of the connection, headers, body."""
        self.peers: list[str] = []
        self.ended = threading.Semaphore(0)

    def run(self) -> None:
        while True:
            try:
                raw, (peer, _) = self._socket.accept()
            except OSError:
                return
            self.peers.append(peer)
            number = len(self.peers)
            threading.Thread(target=self._serve, args=(raw, number), daemon=True).start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.join()

    def _serve(self, raw: socket.socket, number: int) -> None:
        # A client that goes away, or does not trust us, ends this connection only.
        with suppress(OSError):
            self._talk(raw, number)

    def _talk(self, raw: socket.socket, number: int) -> None:
        with self._trust.wrap_socket(raw, server_side=True) as connection:
            stream = connection.makefile("rb")
            while first := stream.readline():
                headers = {}
                while (line := stream.readline()) != b"\r\n":
                    name, _, value = line.decode().partition(": ")
                    headers[name.lower()] = value.strip()
                headers[":request"] = first.decode().strip()
                body = stream.read(int(headers["content-length"]))
                answer = self.answers.pop(0)
                self.asked.append((number, headers, body))
                if answer:
                    connection.sendall(answer)
                if answer in (BREAK, END):
                    break
            stream.close()
        self.ended.release()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("workspace")
    (root / "nginx/certs").mkdir(parents=True)
    (root / "var/run").mkdir(parents=True)
    ensure_certificate(root, load_settings(ROOT, {}), time.time())
    return root


@pytest.fixture
def server(workspace: Path) -> Iterator[StandIn]:
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(workspace / "nginx/certs/nginx.crt", workspace / "nginx/certs/nginx.key")
    standin = StandIn(trust)
    standin.start()
    yield standin
    standin.close()


@pytest.fixture
def settings(server: StandIn) -> Settings:
    return dataclasses.replace(
        load_settings(ROOT, {}), https_port=server.port, user="ü", password="ß"
    )


@pytest.fixture
def client(workspace: Path, settings: Settings) -> Iterator[Client]:
    opened = Client(workspace, settings, "PUT", "/ask", "probe-of-a-test")
    yield opened
    opened.close()


def test_the_request_is_what_was_asked_for(client: Client, server: StandIn) -> None:
    server.answers = [OK, OK]
    for number in ("1", "2"):
        reply = client.send("127.0.1.9", {"X-User-Id": number}, b"body")
        assert (reply.status, reply.retried) == (200, False)
    assert server.peers == ["127.0.1.9"]  # one connection, from there
    for (_, headers, body), number in zip(server.asked, ("1", "2"), strict=True):
        assert headers[":request"] == "PUT /ask HTTP/1.1"
        assert headers["host"] == f"localhost:{server.port}"
        assert headers["user-agent"] == "probe-of-a-test"
        assert headers["content-type"] == "application/json"
        assert headers["x-user-id"] == number
        assert base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode() == "ü:ß"
        assert body == b"body"


def test_addresses_do_not_share_connections(client: Client, server: StandIn) -> None:
    server.answers = [OK, OK, OK]
    for source in ("127.0.1.8", "127.0.1.9", "127.0.1.8"):
        client.send(source, {}, b"")
    assert [number for number, _, _ in server.asked] == [1, 2, 1]


def test_a_broken_connection_is_repeated_once_unchanged(client: Client, server: StandIn) -> None:
    server.answers = [OK, BREAK, OK]
    client.send("", {"X-Request-ID": "request-0"}, b"a")
    reply = client.send("", {"X-Request-ID": "request-1"}, b"b")
    assert (reply.status, reply.retried) == (200, True)
    (_, first, _), (_, second, body) = server.asked[1:]
    assert first["x-request-id"] == second["x-request-id"] == "request-1"
    assert body == b"b"


def test_it_is_not_repeated_twice(client: Client, server: StandIn) -> None:
    server.answers = [BREAK, BREAK, OK]
    with pytest.raises(NoAnswer):
        client.send("", {}, b"")
    assert len(server.asked) == 2


@pytest.mark.parametrize(("answer", "status"), [(END, 201), (CLOSE, 503)])
def test_a_connection_that_was_closed_meanwhile_is_not_used(
    client: Client, server: StandIn, answer: bytes, status: int
) -> None:
    server.answers = [answer, OK]
    assert client.send("", {}, b"").status == status
    assert server.ended.acquire(timeout=5)
    assert not client.send("", {}, b"").retried
    assert [number for number, _, _ in server.asked] == [1, 2]


def test_an_opened_connection_is_the_one_that_is_used(client: Client, server: StandIn) -> None:
    client.connect("")
    server.answers = [OK]
    client.send("", {}, b"")
    assert len(server.peers) == 1


def test_a_gateway_that_hangs_is_not_asked_twice(
    client: Client, server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "TIMEOUT_S", 0.2)
    server.answers = [b" "]  # never a whole status line
    with pytest.raises(NoAnswer, match=r"no answer within 0\.2 s"):
        client.send("", {}, b"")
    assert len(server.asked) == 1


def test_nobody_there(client: Client, server: StandIn, workspace: Path, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    elsewhere = Client(
        workspace, dataclasses.replace(settings, https_port=free), "POST", "/", "test"
    )
    with pytest.raises(NoAnswer, match="refused"):
        elsewhere.connect("")


def test_another_certificate_is_not_trusted(
    client: Client, tmp_path: Path, settings: Settings
) -> None:
    (tmp_path / "nginx/certs").mkdir(parents=True)
    (tmp_path / "var/run").mkdir(parents=True)
    ensure_certificate(tmp_path, settings, time.time())
    stranger = Client(tmp_path, settings, "POST", "/", "test")
    with pytest.raises(NoAnswer, match=r"(?i)certificate verify failed"):
        stranger.connect("")


def test_a_missing_certificate_is_named(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match=r"nginx/certs/nginx\.crt: cannot be read"):
        Client(tmp_path, settings, "POST", "/", "test")
