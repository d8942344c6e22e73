"""The client against a gateway that breaks connections, hangs and closes."""

from __future__ import annotations

import base64
import dataclasses
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.certificates import ensure_certificate
from gateway.errors import ConfigurationError
from gateway.settings import Settings, load_settings
from probes import client as client_module
from probes.client import Client, NoAnswer
from tests.probes.standin import BREAK, CLOSE, END, OK, StandIn

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(gateway: StandIn) -> Settings:
    return dataclasses.replace(
        load_settings(ROOT, {}), https_port=gateway.port, user="ü", password="ß"
    )


@pytest.fixture
def client(certified: Path, settings: Settings) -> Iterator[Client]:
    opened = Client(certified, settings, "PUT", "/ask", "probe-of-a-test")
    yield opened
    opened.close()


def test_the_request_is_what_was_asked_for(client: Client, gateway: StandIn) -> None:
    gateway.answers = [OK, OK]
    for number in ("1", "2"):
        reply = client.send("127.0.1.9", {"X-User-Id": number}, b"body")
        assert (reply.status, reply.retried) == (200, False)
    assert gateway.peers == ["127.0.1.9"]  # one connection, from there
    for (_, headers, body), number in zip(gateway.asked, ("1", "2"), strict=True):
        assert headers[":request"] == "PUT /ask HTTP/1.1"
        assert headers["host"] == f"localhost:{gateway.port}"
        assert headers["user-agent"] == "probe-of-a-test"
        assert headers["content-type"] == "application/json"
        assert headers["x-user-id"] == number
        assert base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode() == "ü:ß"
        assert body == b"body"


def test_addresses_do_not_share_connections(client: Client, gateway: StandIn) -> None:
    gateway.answers = [OK, OK, OK]
    for source in ("127.0.1.8", "127.0.1.9", "127.0.1.8"):
        client.send(source, {}, b"")
    assert [number for number, _, _ in gateway.asked] == [1, 2, 1]


def test_a_broken_connection_is_repeated_once_unchanged(client: Client, gateway: StandIn) -> None:
    gateway.answers = [OK, BREAK, OK]
    client.send("", {"X-Request-ID": "request-0"}, b"a")
    reply = client.send("", {"X-Request-ID": "request-1"}, b"b")
    assert (reply.status, reply.retried) == (200, True)
    (_, first, _), (_, second, body) = gateway.asked[1:]
    assert first["x-request-id"] == second["x-request-id"] == "request-1"
    assert body == b"b"


def test_it_is_not_repeated_twice(client: Client, gateway: StandIn) -> None:
    gateway.answers = [BREAK, BREAK, OK]
    with pytest.raises(NoAnswer):
        client.send("", {}, b"")
    assert len(gateway.asked) == 2


@pytest.mark.parametrize(("answer", "status"), [(END, 201), (CLOSE, 503)])
def test_a_connection_that_was_closed_meanwhile_is_not_used(
    client: Client, gateway: StandIn, answer: bytes, status: int
) -> None:
    gateway.answers = [answer, OK]
    assert client.send("", {}, b"").status == status
    assert gateway.ended.acquire(timeout=5)
    assert not client.send("", {}, b"").retried
    assert [number for number, _, _ in gateway.asked] == [1, 2]


def test_an_opened_connection_is_the_one_that_is_used(client: Client, gateway: StandIn) -> None:
    client.connect("")
    gateway.answers = [OK]
    client.send("", {}, b"")
    assert len(gateway.peers) == 1


def test_a_gateway_that_hangs_is_not_asked_twice(
    client: Client, gateway: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "TIMEOUT_S", 0.2)
    gateway.answers = [b" "]  # never a whole status line
    with pytest.raises(NoAnswer, match=r"no answer within 0\.2 s"):
        client.send("", {}, b"")
    assert len(gateway.asked) == 1


def test_nobody_there(
    client: Client, gateway: StandIn, certified: Path, settings: Settings
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    elsewhere = Client(
        certified, dataclasses.replace(settings, https_port=free), "POST", "/", "test"
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
