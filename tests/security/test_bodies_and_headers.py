"""What a client may send, and what of it an instance gets to see."""

import re

import httpx
import pytest

from tests.nginx.conftest import Gateway, fresh_address
from tests.nginx.standin import Received
from tests.nginx.wire import BASIC, post, wait_until

LARGEST = 65_536


@pytest.mark.parametrize(
    ("size", "status"), [(LARGEST, 200), (LARGEST + 1, 413)], ids=["64 KiB", "64 KiB + 1"]
)
def test_body_limit(gateway: Gateway, client: httpx.Client, size: int, status: int) -> None:
    answer = client.post("/predict", content=b"x" * size)
    assert answer.status_code == status
    assert sum(len(received.body) for standin in gateway.v1 for received in standin.received) == (
        size if status == 200 else 0
    )


def test_body_limit_holds_without_a_content_length(client: httpx.Client) -> None:
    answer = client.post("/predict", content=(b"x" * 1000 for _ in range(70)))
    assert answer.status_code == 413
    assert set(answer.json()) == {"detail", "request_id"}


FORGED = (
    BASIC,
    "X-Real-IP: 8.8.8.8",
    "X-Forwarded-For: 8.8.8.8",
    "X-Forwarded-Host: evil.example",
    "X-Forwarded-Port: 1",
    "X-Forwarded-Proto: gopher",
    "X-Forwarded-User: root",
    "Forwarded: for=8.8.8.8",
    "X-Cohort: debug",
    "X-Shadow: 1",
    "X-User-Id: alice@example.org",
)


def facts(gateway: Gateway, received: Received, source: str, request_id: str) -> dict[str, str]:
    """What an instance has to see: the truth, and nothing that the client claims."""
    assert (received.method, received.path) == ("POST", "/predict?a=1")
    assert received.body == b'{"sentence": "hi"}'
    return {
        "host": "localhost",
        "content-length": "18",
        "x-request-id": request_id,
        "x-real-ip": source,
        "x-forwarded-for": source,
        "x-forwarded-proto": "https",
        "x-user-id": "alice@example.org",
    }


def ask(gateway: Gateway, source: str, headers: tuple[str, ...] = FORGED) -> str:
    """The request id of an answered request."""
    with gateway.wire(source=source) as wire:
        answer = wire.ask(post('{"sentence": "hi"}', headers=headers, path="/predict?a=1"))
    assert answer.status == 200
    return answer.headers["x-request-id"]


def test_instance_sees_facts_not_claims(gateway: Gateway) -> None:
    source = fresh_address()
    request_id = ask(gateway, source)
    (received,) = [received for standin in gateway.v1 for received in standin.received]
    expected = facts(gateway, received, source, request_id)
    assert received.headers == expected | {"x-cohort": "v1"}


def test_an_instance_is_asked_as_localhost_whatever_the_gateway_is_called(
    gateway: Gateway,
) -> None:
    with gateway.wire() as wire:
        assert wire.ask(post().replace(b"Host: localhost", b"Host: 127.0.0.1")).status == 200
    (received,) = [received for standin in gateway.v1 for received in standin.received]
    assert received.headers["host"] == "localhost"


def test_canary_sees_facts_not_claims(everything_tried: Gateway) -> None:
    source = fresh_address()
    request_id = ask(everything_tried, source)
    (received,) = everything_tried.v2.received
    expected = facts(everything_tried, received, source, request_id)
    assert received.headers == expected | {"x-cohort": "canary"}


def test_a_copy_carries_the_same_facts_and_our_own_mark(all_shadowed: Gateway) -> None:
    source = fresh_address()
    forged = (*FORGED[:-2], "X-Shadow: 0", FORGED[-1])
    request_id = ask(all_shadowed, source, forged)
    wait_until(lambda: all_shadowed.v2.received, "the copy at v2")
    (copy,) = all_shadowed.v2.received
    expected = facts(all_shadowed, copy, source, request_id)
    assert copy.headers == expected | {"x-cohort": "shadow", "x-shadow": "1"}
    (original,) = [received for standin in all_shadowed.v1 for received in standin.received]
    assert original.headers == expected | {"x-cohort": "v1"}


@pytest.mark.parametrize(
    "header",
    [
        "X_Experiment_Group: debug",
        "X-Experiment-Group: debug%00",
        "X-Experiment-Group: debug,",
        "X-Experiment-Group: v2",
        "X-Experiment-Group: canary",
        "X-Experiment-Group: on",
        "X-Experiment-Group: api_v2",
        "X-Cohort: canary",
        "X-Shadow: 1",
        "Cookie: switchyard_bucket=00",
    ],
)
def test_nobody_gets_to_v2_by_accident(gateway: Gateway, header: str) -> None:
    ask(gateway, fresh_address(), (BASIC, header))
    assert not gateway.v2.received
    assert [line["cohort"] for line in gateway.log(1)] == ["v1"]


COOKIE = re.compile(
    r"switchyard_bucket=[0-9a-f]{32}; Path=/; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax"
)


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "00",
        "A" * 32,
        "0" * 31,
        "0" * 33,
        "../../../../active",
        "0%0d%0aX-Evil: 1",
        '" ; Domain=evil.example',
        "$request_id",
        "ÿ" * 32,
    ],
)
def test_a_bad_bucket_cookie_is_replaced(all_shadowed: Gateway, sent: str) -> None:
    cookie = f"Cookie: switchyard_bucket={sent}"
    with all_shadowed.wire() as wire:
        raw = post(headers=(BASIC, "X-Mark: 1")).decode()
        answer = wire.ask(raw.replace("X-Mark: 1", cookie).encode("latin-1"))
    assert answer.status == 200
    assert COOKIE.fullmatch(answer.headers["set-cookie"])
    assert "x-evil" not in answer.headers


def test_a_good_bucket_cookie_is_kept(all_shadowed: Gateway) -> None:
    with all_shadowed.wire() as wire:
        headers = (BASIC, f"Cookie: switchyard_bucket={'0f' * 16}")
        assert "set-cookie" not in wire.ask(post(headers=headers)).headers
