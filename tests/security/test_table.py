"""Requests that no honest client sends: one row each. None of them may reach an instance."""

import pytest

from tests.nginx.conftest import Gateway, fresh_address
from tests.nginx.wire import BASIC, Answer, post, wait_until

POST = "POST /predict HTTP/1.1"
CHUNKED = "2\r\n{}\r\n0\r\n\r\n"


def request(first: str, *headers: str, body: str = "") -> bytes:
    return "\r\n".join([first, "Host: localhost", BASIC, *headers, "", body]).encode("latin-1")


def with_body(*headers: str, body: str = "{}") -> bytes:
    return request(POST, *headers, body=body)


ROWS: dict[str, tuple[bytes, int]] = {
    # Where one request ends and the next begins (request smuggling).
    "length and chunked": (
        with_body("Content-Length: 2", "Transfer-Encoding: chunked", body=CHUNKED),
        400,
    ),
    "two lengths": (with_body("Content-Length: 2", "Content-Length: 3"), 400),
    "same length twice": (with_body("Content-Length: 2", "Content-Length: 2"), 400),
    "signed length": (with_body("Content-Length: +2"), 400),
    "space before colon": (with_body("Transfer-Encoding : chunked", body=CHUNKED), 400),
    "folded header": (with_body("X-Folded: a\r\n b", "Content-Length: 2"), 400),
    "NUL in header": (with_body("X-Nul: a\0b", "Content-Length: 2"), 400),
    "two hosts": (with_body("Host: localhost", "Content-Length: 2"), 400),
    "no host": (post().replace(b"Host: localhost\r\n", b""), 400),
    "unknown transfer encoding": (with_body("Transfer-Encoding: xchunked", body=CHUNKED), 501),
    "two transfer encodings": (
        with_body("Transfer-Encoding: chunked, identity", body=CHUNKED),
        501,
    ),
    # Other hosts (DNS rebinding).
    "host of another site": (post().replace(b"Host: localhost", b"Host: evil.example"), 421),
    "other host in the request line": (
        request("POST http://evil.example/predict HTTP/1.1", "Content-Length: 2", body="{}"),
        421,
    ),
    "HTTP/1.0 without host": (b"GET /healthz HTTP/1.0\r\n\r\n", 421),
    # Paths that are none.
    "NUL in the path": (request("GET /predict%00/../metrics HTTP/1.1"), 400),
    "path above the root": (request("GET /../metrics HTTP/1.1"), 400),
    "bad escape in the path": (request("GET /%zz HTTP/1.1"), 400),
    # Sizes.
    "header line of 9 kB": (request(POST, f"X-Long: {'a' * 9000}"), 400),
    "40 kB of headers": (request(POST, *(f"X-Long-{n}: {'a' * 4000}" for n in range(10))), 400),
    "request line of 9 kB": (request(f"POST /predict?{'a' * 9000} HTTP/1.1"), 414),
    "body announced one byte too long": (with_body("Content-Length: 65537", body=""), 413),
}


def refused(gateway: Gateway, raw: bytes, *, tls: bool = True) -> Answer:
    """The answer, which is JSON like every other; no instance was asked."""
    with gateway.wire(tls=tls) as wire:
        answer = wire.ask(raw)
    assert set(answer.json()) == {"detail", "request_id"}
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["content-type"] == "application/json"
    assert not any(standin.received for standin in gateway.instances.values())
    return answer


@pytest.mark.parametrize(("raw", "status"), ROWS.values(), ids=ROWS.keys())
def test_refused(gateway: Gateway, raw: bytes, status: int) -> None:
    assert refused(gateway, raw).status == status


@pytest.mark.parametrize(("raw", "status"), ROWS.values(), ids=ROWS.keys())
def test_refused_while_everything_is_tried(
    everything_tried: Gateway, raw: bytes, status: int
) -> None:
    assert refused(everything_tried, raw).status == status


def test_plain_http_on_the_tls_port(gateway: Gateway) -> None:
    assert refused(gateway, post(), tls=False).status == 400


METHODS = ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND")


@pytest.mark.parametrize("method", METHODS)
def test_other_methods_are_refused(gateway: Gateway, method: str) -> None:
    with gateway.wire() as wire:
        # HTTPResponse would wait for the body that HEAD does not have.
        wire.send(request(f"{method} /predict HTTP/1.1", "Connection: close"))
        head = wire.socket.makefile("rb").read().partition(b"\r\n\r\n")[0].decode()
    assert head.startswith("HTTP/1.1 405 ")
    assert "\r\nAllow: POST" in head
    assert not any(standin.received for standin in gateway.instances.values())


def test_connect_is_refused(gateway: Gateway) -> None:
    # Older versions take it for malformed.
    answer = refused(gateway, request("CONNECT localhost:443 HTTP/1.1"))
    assert answer.status in {400, 405}


INSIDE = (
    *("/", "/metrics", "//metrics", "/predict/../metrics", "/predict/%2e%2e/metrics"),
    *("/predict/..%2fmetrics", "/%2e/metrics", "/metrics/", "/predict/metrics", "/predict/"),
    *("//predict", "/predict;/../metrics", "/..%5cmetrics", "/stub_status", "/docs"),
    *("/openapi.json", "/healthz/", "/.git/config", "/active", "/active/canary-00"),
)
STEPS = (
    *("/_experiment", "/_chosen", "/_shadowed", "/_shadow", "/_error"),
    *("/shadow", "/_taken", "/_deliver", "/_delivered"),
)
"""Where nginx goes by itself on its way to an answer, in the gateway and in the status server."""


def not_found(gateway: Gateway) -> set[str]:
    """The paths of both lists that are 404 to GET and to POST."""
    found = set()
    for path in (*INSIDE, *STEPS):
        answers = [
            refused(gateway, request(f"{method} {path} HTTP/1.1", "Content-Length: 0"))
            for method in ("GET", "POST")
        ]
        if {answer.status for answer in answers} == {404}:
            found.add(path)
    return found


def test_nothing_inside_is_reachable(gateway: Gateway) -> None:
    assert not_found(gateway) == {*INSIDE, *STEPS}


def test_nothing_inside_is_reachable_while_everything_is_tried(everything_tried: Gateway) -> None:
    assert not_found(everything_tried) == {*INSIDE, *STEPS}


def status(gateway: Gateway, raw: bytes, source: str = "127.0.0.1") -> Answer:
    with gateway.wire(gateway.status_port, tls=False, source=source) as wire:
        return wire.ask(raw)


def test_status_server_gives_its_health_and_no_more(gateway: Gateway) -> None:
    def ask(path: str) -> Answer:
        return status(gateway, request(f"GET {path} HTTP/1.1"))

    assert ask("/healthz").json() == {"status": "ok"}
    others = {*INSIDE, *STEPS} - {"/stub_status", "/shadow"}
    assert {path for path in others if ask(path).status != 404} == set()
    assert not (gateway.root / "var/logs/access.jsonl").read_text()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8081"])
def test_status_server_answers_no_other_host(gateway: Gateway, host: str) -> None:
    for path in ("/healthz", "/stub_status"):
        raw = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        assert status(gateway, raw).status == 421


def test_connections_are_counted_for_this_machine_alone(gateway: Gateway) -> None:
    raw = request("GET /stub_status HTTP/1.1")
    assert status(gateway, raw).body.startswith(b"Active connections: ")
    # Not even for another loopback address.
    assert status(gateway, raw, fresh_address()).status == 403


def test_copies_are_taken_from_this_machine_alone(all_shadowed: Gateway) -> None:
    raw = post(headers=("X-Cohort: v1",), path="/shadow")
    assert status(all_shadowed, raw, fresh_address()).status == 403
    assert not all_shadowed.v2.received
    assert status(all_shadowed, raw).status == 204
    wait_until(lambda: all_shadowed.v2.received, "the copy at v2")
