"""Texts, bodies and headers that nobody writes, through the gateway to the real services."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from random import Random

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.supervisor import Supervisor
from gateway.topology import Topology
from services.metrics import METHODS, OTHER_METHOD, UNMATCHED
from tests.nginx.conftest import fresh_address
from tests.nginx.wire import Wire
from tests.security.strange_headers import strange
from tests.security.test_strange_headers import NOT_KNOWN, everything, status_of
from tests.stack.clients import Clients
from tests.torture import REFUSED, SENTENCES

LONGEST_S = 2.0
HEADERS = 100
TO: dict[str, dict[str, str]] = {"v1": {}, "v2": {"X-Experiment-Group": "debug"}}
PATHS = {"/predict", "/healthz", "/metrics", "/openapi.json", "/docs", "/docs/oauth2-redirect"}


@pytest.fixture(autouse=True)
def no_process_dies(supervisor: Supervisor, topology: Topology) -> Iterator[None]:
    """The same processes serve before and after, and count nothing that a client made up."""

    def pids() -> dict[str, int]:
        names = {instance.name for instance in topology.instances} | {"nginx"}
        return {each.name: each.pid for each in supervisor.processes() if each.name in names}

    before = pids()
    yield
    assert pids() == before
    for instance in topology.instances:
        text = httpx.get(f"http://{instance.address}/metrics").text
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                assert sample.labels.get("handler", UNMATCHED) in {*PATHS, UNMATCHED}, sample
                assert sample.labels.get("method", OTHER_METHOD) in {*METHODS, OTHER_METHOD}


def ask(connect: Clients, version: str, body: bytes) -> httpx.Response:
    """The answer of that version, in time."""
    headers = {"Content-Type": "application/json", **TO[version]}
    client = connect(fresh_address())
    begun = time.monotonic()
    answer = client.post("/predict", content=body, headers=headers)
    assert time.monotonic() - begun < LONGEST_S
    assert "Traceback" not in answer.text
    return answer


@pytest.mark.parametrize("version", TO)
def test_every_text_has_an_answer(connect: Clients, version: str) -> None:
    for name, text in SENTENCES.items():
        body = json.dumps({"sentence": text}, ensure_ascii=False).encode()
        answer = ask(connect, version, body)
        assert (name, answer.status_code) == (name, 200), answer.text
        assert answer.json()["version"] == version


@pytest.mark.parametrize("version", TO)
def test_every_other_body_is_refused(connect: Clients, version: str) -> None:
    for name, body in REFUSED.items():
        answer = ask(connect, version, body)
        assert answer.status_code in (400, 413, 422), (name, answer.status_code)
        assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


def test_strange_headers_do_not_hurt_a_service(connect: Clients, topology: Topology) -> None:
    random = Random(7)  # noqa: S311 - the same in every run
    for _ in range(HEADERS):
        raw = strange(random)
        with Wire(topology.https_port, connect.trust, fresh_address()) as wire:
            received = everything(wire, raw)
        assert b"Traceback" not in received, raw[:400]
        status = status_of(received)
        assert status < 500 or status in NOT_KNOWN, (status, raw[:400])
