"""Every request that cannot be answered, and what the gateway says about it.

Each is also sent to the instances themselves: what a service can answer is in its OpenAPI
document, and the gateway changes neither the status nor the words.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from gateway.supervisor import Supervisor
from gateway.topology import Instance, Topology
from tests.stack.clients import Clients

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Bad:
    """One bad request: what is sent, and which part of `detail` says what is wrong with it."""

    name: str
    status: int
    said: str
    body: bytes = b'{"sentence": "I am happy"}'
    method: str = "POST"
    path: str = "/predict"
    headers: dict[str, str] = field(default_factory=lambda: JSON)


REQUESTS = (
    Bad("not JSON", 400, "not JSON", b"sentence=I am happy"),
    Bad("cut short", 400, "not JSON", b'{"sentence": "I am'),
    Bad("not UTF-8", 400, "not UTF-8", b'{"sentence": "caf\xe9"}'),
    Bad("half a surrogate pair", 400, "not JSON", b'{"sentence": "\\ud800"}'),
    Bad("empty", 400, "empty", b""),
    Bad("wrong type", 422, "sentence", b'{"sentence": 5}'),
    Bad("null", 422, "sentence", b'{"sentence": null}'),
    Bad("missing field", 422, "sentence", b"{}"),
    Bad("not an object", 422, "object", b'["I am happy"]'),
    Bad("10,001 characters", 422, "10000", json.dumps({"sentence": "x" * 10_001}).encode()),
    Bad("over 64 KiB", 413, "64 KiB", json.dumps({"sentence": "x" * 65_536}).encode()),
    Bad("no content type", 415, "application/json", headers={}),
    Bad("wrong content type", 415, "application/json", headers={"Content-Type": "text/plain"}),
    Bad("a form", 415, "json", headers={"Content-Type": "application/x-www-form-urlencoded"}),
    Bad("GET", 405, "not allowed", b"", "GET", headers={}),
    Bad("PUT", 405, "not allowed", method="PUT"),
    Bad("OPTIONS", 405, "not allowed", b"", "OPTIONS", headers={}),
    Bad("unknown path", 404, "", path="/predictions"),
    Bad("a path below", 404, "", path="/predict/"),
)
BY_NAME = pytest.mark.parametrize("bad", REQUESTS, ids=lambda bad: bad.name)


def send(client: httpx.Client, bad: Bad) -> httpx.Response:
    return client.request(bad.method, bad.path, content=bad.body, headers=bad.headers)


def documented(instance: Instance, path: str) -> set[int]:
    """The statuses that the service itself says a POST to `path` can have."""
    document: dict[str, Any] = httpx.get(f"http://{instance.address}/openapi.json").json()
    return {int(status) for status in document["paths"][path]["post"]["responses"]}


@BY_NAME
def test_the_gateway_says_what_is_wrong(connect: Clients, bad: Bad) -> None:
    answer = send(connect("127.0.1.60"), bad)
    assert answer.status_code == bad.status
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert set(body) == {"detail", "request_id"}
    assert body["request_id"] == answer.headers["X-Request-ID"]
    assert body["detail"]
    assert bad.said in json.dumps(body["detail"])
    if bad.status == 405:
        assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize("version", ["v1", "v2"])
@BY_NAME
def test_a_service_alone_says_the_same_and_documents_it(
    supervisor: Supervisor, topology: Topology, bad: Bad, version: str
) -> None:
    instance = next(found for found in topology.instances if found.version == version)
    with httpx.Client(base_url=f"http://{instance.address}") as client:
        answer = send(client, bad)
    assert answer.status_code == bad.status
    assert set(answer.json()) == {"detail", "request_id"}
    if bad.path == "/predict":
        assert bad.status in documented(instance, bad.path)


def test_every_documented_refusal_is_tried(supervisor: Supervisor, topology: Topology) -> None:
    tried = {bad.status for bad in REQUESTS if bad.path == "/predict"}
    for instance in topology.instances:
        assert documented(instance, "/predict") == {200, *tried}


def test_a_body_of_unknown_length_is_limited_too(connect: Clients) -> None:
    def pieces() -> Any:
        yield b'{"sentence": "'
        for _ in range(70):
            yield b"x" * 1024
        yield b'"}'

    answer = connect("127.0.1.61").post("/predict", content=pieces(), headers=JSON)
    assert answer.status_code == 413
    assert set(answer.json()) == {"detail", "request_id"}


def test_a_bad_request_to_v2_is_refused_by_v2(connect: Clients) -> None:
    headers = {**JSON, "X-Experiment-Group": "debug"}
    answer = connect("127.0.1.62").post("/predict", content=b"{}", headers=headers)
    assert (answer.status_code, answer.headers["X-Instance"]) == (422, "v2-1")
