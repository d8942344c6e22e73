"""What a line of the access log says about each kind of request."""

import httpx
import pytest

from gateway.accesslog import FIELDS, parse
from tests.nginx.conftest import Connect, Gateway, fresh_address
from tests.nginx.wire import BASIC, post


def test_a_prediction(gateway: Gateway) -> None:
    source = fresh_address()
    headers = (BASIC, "X-User-Id: alice", "X-Request-ID: abcd-1234", "User-Agent: te\"st\\ \t{'}")
    with gateway.wire(source=source) as wire:
        answer = wire.ask(post(headers=headers, path="/predict?a=%22"))
    (line,) = gateway.log(1)
    assert tuple(line) == FIELDS
    port = gateway.instances[line["instance"]].port
    assert answer.headers["x-instance"] == line["instance"]
    measured = {"time", "bytes_sent", "request_time", "upstream_response_time", "instance"}
    assert {name: value for name, value in line.items() if name not in measured} == {
        "request_id": "abcd-1234",
        "remote_addr": source,
        "remote_user": "admin",
        "user_id": "alice",
        "method": "POST",
        "uri": "/predict?a=%22",
        "protocol": "HTTP/1.1",
        "status": "200",
        "cohort": "v1",
        "upstream_addr": f"127.0.0.1:{port}",
        "upstream_status": "200",
        "limit_req_status": "PASSED",
        "prediction": "positive",
        "ssl_protocol": "TLSv1.3",
        "server": "gateway",
        "user_agent": "te\"st\\ \t{'}",
    }
    access = parse((gateway.root / "var/logs/access.jsonl").read_bytes().splitlines()[0])
    assert 0 <= access.request_time < 10
    assert (access.status, access.cohort, access.instance) == (200, "v1", line["instance"])


@pytest.mark.parametrize(
    ("group", "cohort"), [("debug", "debug"), ("control", "control"), ("x", "v1"), ("", "v1")]
)
def test_cohort(gateway: Gateway, client: httpx.Client, group: str, cohort: str) -> None:
    client.post("/predict", json={}, headers={"X-Experiment-Group": group})
    assert gateway.log(1)[0]["cohort"] == cohort


@pytest.mark.parametrize("user", ["x" * 65, "two words", 'a"b', "a,b", ""])
def test_odd_user_ids_are_not_logged(gateway: Gateway, client: httpx.Client, user: str) -> None:
    client.post("/predict", json={}, headers={"X-User-Id": user})
    assert gateway.log(1)[0]["user_id"] == ""


def test_every_kind_of_answer_is_a_line_that_parses(gateway: Gateway, connect: Connect) -> None:
    client = connect()
    client.put("/predict")
    client.get("/nowhere")
    client.post("/predict", content=b"x" * 70_000)
    connect(("admin", "secret-guess")).post("/predict", json={})
    client.post("/predict", json={}, headers={"Host": "evil.example"})
    httpx.post(f"http://localhost:{gateway.http_port}/predict")
    for raw in (b"nonsense\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"):
        with gateway.wire() as wire:
            assert wire.ask(raw).status == 400
    lines = gateway.log(8)
    assert [(line["method"], line["status"], line["server"], line["cohort"]) for line in lines] == [
        ("PUT", "405", "gateway", ""),
        ("GET", "404", "gateway", ""),
        ("POST", "413", "gateway", ""),
        ("POST", "401", "gateway", ""),
        ("POST", "421", "unknown-host", ""),
        ("POST", "308", "redirect", ""),
        ("", "400", "gateway", ""),
        ("", "400", "gateway", ""),
    ]
    text = (gateway.root / "var/logs/access.jsonl").read_bytes()
    assert [parse(line).status for line in text.splitlines()] == [
        int(line["status"]) for line in lines
    ]
    assert all(set(map(type, line.values())) == {str} for line in lines)
    assert b"secret-guess" not in text


def test_no_instance_left(gateway: Gateway, client: httpx.Client) -> None:
    for standin in gateway.v1:
        standin.stop()
    client.post("/predict", json={})
    client.post("/predict", json={})
    assert [line["cohort"] for line in gateway.log(2)] == ["v1", "v1"]
    text = (gateway.root / "var/logs/access.jsonl").read_bytes()
    first, second = (parse(line) for line in text.splitlines())
    # Each was asked once; then none is left to ask, and nginx logs the name of the group.
    assert {attempt.address for attempt in first.upstream_attempts} == {
        f"127.0.0.1:{standin.port}" for standin in gateway.v1
    }
    assert [attempt.address for attempt in second.upstream_attempts] == ["api_v1"]
    assert first.status == second.status == 503
