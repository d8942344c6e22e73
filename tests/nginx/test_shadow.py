"""The shadow: copies of requests to v1 go to v2, and no client is any the wiser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from time import monotonic

import httpx
import pytest

from gateway.canary import Experiment, write_experiment
from gateway.nginx_files import read_nginx, walk
from tests.nginx.conftest import LOGIN, Connect, Gateway
from tests.nginx.standin import Behaviour
from tests.nginx.wire import wait_until


@pytest.fixture(autouse=True)
def _nothing_tried(gateway: Gateway) -> Iterator[None]:
    yield
    write_experiment(gateway.root, Experiment())


def shadow_log(gateway: Gateway, lines: int) -> list[dict[str, str]]:
    path = gateway.root / "var/logs/shadow.jsonl"

    def read() -> list[dict[str, str]]:
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    wait_until(lambda: len(read()) >= lines, f"{lines} lines in the log of the shadow")
    return read()


def test_both_answers_have_one_request_id(gateway: Gateway, client: httpx.Client) -> None:
    write_experiment(gateway.root, Experiment(shadow=100))
    for number in range(15):
        answer = client.post(
            "/predict?a=1", json={"sentence": str(number)}, headers={"X-User-Id": "u-1"}
        )
        assert answer.headers["x-instance"] != "v2-1"
    copies = shadow_log(gateway, 15)
    originals = gateway.log(15)
    assert {line["request_id"] for line in copies} == {line["request_id"] for line in originals}
    assert {(line["instance"], line["status"], line["prediction"]) for line in copies} == {
        ("v2-1", "200", "positive")
    }
    received = gateway.v2.received
    assert sorted(json.loads(one.body)["sentence"] for one in received) == sorted(
        str(number) for number in range(15)
    )
    for one in received:
        assert (one.method, one.path) == ("POST", "/predict?a=1")
        assert one.headers["x-shadow"] == "1"
        assert one.headers["x-user-id"] == "u-1"
        assert one.headers["x-cohort"] == "shadow"
        assert "authorization" not in one.headers
    assert not any("x-shadow" in one.headers for one in gateway.v1[0].received)


def test_a_share_is_copied(gateway: Gateway, connect: Connect) -> None:
    write_experiment(gateway.root, Experiment(shadow=25))
    for _ in range(20):
        client = connect()
        for _ in range(20):
            client.post("/predict", json={})
    gateway.log(400)
    # 400 draws of 1/4: four standard deviations are 35.
    assert 65 <= len(shadow_log(gateway, 65)) <= 135


def test_the_client_never_waits(gateway: Gateway, client: httpx.Client) -> None:
    write_experiment(gateway.root, Experiment(shadow=100))
    gateway.v2.behaviour = Behaviour.HANG
    begun = monotonic()
    for _ in range(15):
        assert client.post("/predict", json={}).status_code == 200
    # One held copy alone would take 2 s (proxy_read_timeout) of a connection kept open.
    assert monotonic() - begun < 2
    assert {line["status"] for line in shadow_log(gateway, 15)} == {"504"}
    assert max(float(line["request_time"]) for line in gateway.log(15)) < 1


def test_a_dead_v2_costs_the_client_nothing(gateway: Gateway, client: httpx.Client) -> None:
    write_experiment(gateway.root, Experiment(shadow=100))
    gateway.v2.stop()
    assert {client.post("/predict", json={}).status_code for _ in range(10)} == {200}
    assert {line["status"] for line in shadow_log(gateway, 10)} == {"502"}


def test_a_drained_v2_gets_no_copy(gateway: Gateway, client: httpx.Client) -> None:
    write_experiment(gateway.root, Experiment(shadow=100, drained="v2-1"))
    assert client.post("/predict", json={}).status_code == 200
    (line,) = shadow_log(gateway, 1)
    assert (line["status"], line["upstream_addr"]) == ("502", "api_v2_without_v2-1")
    assert gateway.v2.received == []


def test_what_is_rejected_is_not_copied(gateway: Gateway, connect: Connect) -> None:
    write_experiment(gateway.root, Experiment(shadow=100))
    client = connect()
    statuses = [client.post("/predict", json={}).status_code for _ in range(60)]
    assert connect(login=(LOGIN[0], "wrong")).post("/predict", json={}).status_code == 401
    accepted = statuses.count(200)
    assert accepted < 60
    gateway.log(61)
    assert len(shadow_log(gateway, accepted)) == accepted


@pytest.mark.parametrize(("group", "weight"), [("debug", 0), ("debug", 100), ("", 100)])
def test_only_v1_is_shadowed(
    gateway: Gateway, client: httpx.Client, group: str, weight: int
) -> None:
    write_experiment(gateway.root, Experiment(weight=weight, shadow=100))
    for each in (group, "control"):
        headers = {"X-Experiment-Group": each, "X-Request-ID": f"asked-by-{each}"}
        client.post("/predict", json={}, headers=headers)
    assert [line["cohort"] for line in gateway.log(2)] == [group or "canary", "control"]
    # The other one came first, so its copy would be there by then.
    assert [line["request_id"] for line in shadow_log(gateway, 1)] == ["asked-by-control"]
    assert len(gateway.v2.received) == 2


@pytest.mark.parametrize("cohort", [None, "", "shadow", "canary", "v1x"])
def test_nobody_else_makes_v2_predict(gateway: Gateway, cohort: str | None) -> None:
    """A page in a browser of this machine can post to the status port, with no such header."""
    url = f"http://127.0.0.1:{gateway.status_port}/shadow"
    headers = {} if cohort is None else {"X-Cohort": cohort}
    assert httpx.post(url, content=b"theirs", headers=headers).status_code == 204
    # Ours comes second, so theirs would be there by then.
    assert httpx.post(url, content=b"ours", headers={"X-Cohort": "v1"}).status_code == 204
    assert [line["status"] for line in shadow_log(gateway, 1)] == ["200"]
    assert [one.body for one in gateway.v2.received] == [b"ours"]


def test_copies_in_flight_are_bounded(gateway: Gateway, client: httpx.Client) -> None:
    """A v2 that hangs holds as many connections as the limit says; no client is any the wiser."""
    write_experiment(gateway.root, Experiment(shadow=100))
    gateway.v2.behaviour = Behaviour.HOLD
    limits = [each.args for each in walk(read_nginx(gateway.root)) if each.name == "limit_conn"]
    bound = next(int(count) for zone, count in limits if zone == "copies")
    headers = {"X-Cohort": "v1", "Connection": "close"}
    statuses: list[int] = []

    def one_too_many() -> bool:
        # As the gateway does it; quick, since nginx gives a copy up after 2 s.
        with closing(HTTPConnection("127.0.0.1", gateway.status_port, timeout=5)) as copier:
            copier.request("POST", "/shadow", b"{}", headers)
            statuses.append(copier.getresponse().status)
        return statuses[-1] != 204

    wait_until(one_too_many, "a copy that is not taken")
    assert statuses[-1] == 503
    taken = statuses.count(204)
    # More only where it took so long that nginx had given up the first ones.
    assert taken >= bound
    for request_id in ("asked-meanwhile", "asked-afterwards"):
        answer = client.post("/predict", json={}, headers={"X-Request-ID": request_id})
        assert answer.status_code == 200
        gateway.v2.released.set()
        shadow_log(gateway, taken)
    # There is room again; what was dropped is in no log of copies, and a request as any other.
    shadow_log(gateway, taken + 1)
    wait_until(lambda: "asked-afterwards" in ids(gateway), "the copy of the last request")
    assert len(ids(gateway)) == taken + 1 + ("asked-meanwhile" in ids(gateway))
    originals = gateway.log(2)
    assert [(line["status"], line["upstream_status"]) for line in originals] == [("200", "200")] * 2


def ids(gateway: Gateway) -> list[str]:
    """Of the copies that were delivered."""
    return [line["request_id"] for line in shadow_log(gateway, 0)]
