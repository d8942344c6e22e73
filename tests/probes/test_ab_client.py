"""The client that keeps answers, against a gateway that breaks connections and hangs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.settings import load_settings
from probes import client as client_module
from probes.ab_client import AskingClient
from probes.client import NoAnswer
from tests.probes.standin import BREAK, StandIn

ROOT = Path(__file__).parents[2]

BODY = b'{"prediction": "good"}'
GOOD = b"HTTP/1.1 200 OK\r\nX-Instance: v1-2\r\nContent-Length: 22\r\n\r\n" + BODY
NOT_JSON = b"HTTP/1.1 502 Bad\r\nContent-Length: 3\r\n\r\n<p>"


@pytest.fixture
def asking(certified: Path, gateway: StandIn) -> Iterator[AskingClient]:
    settings = dataclasses.replace(load_settings(ROOT, {}), https_port=gateway.port)
    opened = AskingClient(certified, settings, "POST", "/predict", "switchyard-ab")
    yield opened
    opened.close()


def test_the_whole_answer_is_kept(asking: AskingClient, gateway: StandIn) -> None:
    gateway.answers = [GOOD, NOT_JSON]
    answer = asking.ask("127.0.1.200", {"X-Experiment-Group": "control"}, b"{}")
    assert (answer.status, answer.instance, answer.retried) == (200, "v1-2", False)
    assert answer.body == {"prediction": "good"}
    assert 0 < answer.seconds < 5
    answer = asking.ask("127.0.1.200", {}, b"{}")
    assert (answer.status, answer.instance, answer.body) == (502, "", None)
    assert gateway.peers == ["127.0.1.200"]  # one connection, from there
    assert gateway.asked[0][1]["x-experiment-group"] == "control"
    assert "x-experiment-group" not in gateway.asked[1][1]


def test_a_broken_connection_is_repeated_once_and_marked(
    asking: AskingClient, gateway: StandIn
) -> None:
    gateway.answers = [GOOD, BREAK, GOOD, BREAK, BREAK]
    asking.ask("", {}, b"a")
    assert asking.ask("", {}, b"b").retried
    with pytest.raises(NoAnswer):
        asking.ask("", {}, b"c")
    assert [body for _, _, body in gateway.asked] == [b"a", b"b", b"b", b"c", b"c"]


def test_a_gateway_that_hangs_is_not_asked_twice(
    asking: AskingClient, gateway: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "TIMEOUT_S", 0.2)
    gateway.answers = [b" "]  # never a whole status line
    with pytest.raises(NoAnswer, match="timed out"):
        asking.ask("", {}, b"")
    assert len(gateway.asked) == 1
