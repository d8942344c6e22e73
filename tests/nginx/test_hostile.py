"""Requests that no honest client sends. None of them may reach an instance."""

import pytest

from tests.nginx.conftest import Gateway
from tests.nginx.wire import BASIC, Answer, post

Table = dict[str, bytes]


def request(first: str, *headers: str, body: str = "") -> bytes:
    return "\r\n".join([first, "Host: localhost", BASIC, *headers, "", body]).encode("latin-1")


def ask_all(gateway: Gateway, table: Table, *, tls: bool = True) -> dict[str, Answer]:
    """Send each on a connection of its own; every answer is JSON, and no instance was asked."""
    answers = {}
    for name, raw in table.items():
        with gateway.wire(tls=tls) as wire:
            answers[name] = wire.ask(raw)
    for name, answer in answers.items():
        assert set(answer.json()) == {"detail", "request_id"}, name
        assert answer.json()["request_id"] == answer.headers["x-request-id"], name
        assert answer.headers["content-type"] == "application/json", name
    assert not any(standin.received for standin in gateway.instances.values())
    return answers


def statuses(answers: dict[str, Answer]) -> dict[str, int]:
    return {name: answer.status for name, answer in answers.items()}


POST = "POST /predict HTTP/1.1"
CHUNKED = "2\r\n{}\r\n0\r\n\r\n"
SMUGGLING: Table = {
    "length and chunked": request(
        POST, "Content-Length: 2", "Transfer-Encoding: chunked", body=CHUNKED
    ),
    "two lengths": request(POST, "Content-Length: 2", "Content-Length: 3", body="{}"),
    "same length twice": request(POST, "Content-Length: 2", "Content-Length: 2", body="{}"),
    "signed length": request(POST, "Content-Length: +2", body="{}"),
    "space before colon": request(POST, "Transfer-Encoding : chunked", body=CHUNKED),
    "folded header": request(POST, "X-Folded: a\r\n b", "Content-Length: 2", body="{}"),
    "NUL in header": request(POST, "X-Nul: a\0b", "Content-Length: 2", body="{}"),
    "two hosts": request(POST, "Host: localhost", "Content-Length: 2", body="{}"),
    "no host": post().replace(b"Host: localhost\r\n", b""),
}


def test_ambiguous_requests_are_refused(gateway: Gateway) -> None:
    assert statuses(ask_all(gateway, SMUGGLING)) == dict.fromkeys(SMUGGLING, 400)


def test_unknown_transfer_encodings_are_refused(gateway: Gateway) -> None:
    table = {
        "xchunked": request(POST, "Transfer-Encoding: xchunked", body=CHUNKED),
        "two": request(POST, "Transfer-Encoding: chunked, identity", body=CHUNKED),
    }
    assert statuses(ask_all(gateway, table)) == dict.fromkeys(table, 501)


def test_only_our_host_names_are_served(gateway: Gateway) -> None:
    table = {
        "host": post().replace(b"Host: localhost", b"Host: evil.example"),
        "address in the request line": request(
            "POST http://evil.example/predict HTTP/1.1", "Content-Length: 2", body="{}"
        ),
        "HTTP/1.0 without host": b"GET /healthz HTTP/1.0\r\n\r\n",
    }
    assert statuses(ask_all(gateway, table)) == dict.fromkeys(table, 421)


HIDDEN = (
    "/",
    "/metrics",
    "//metrics",
    "/predict/../metrics",
    "/predict/%2e%2e/metrics",
    "/predict/..%2fmetrics",
    "/%2e/metrics",
    "/metrics/",
    "/predict/metrics",
    "/predict/",
    "//predict",
    "/predict;/../metrics",
    "/..%5cmetrics",
    "/stub_status",
    "/_shadow",
    "/_error",
    "/docs",
    "/openapi.json",
    "/healthz/",
    "/.git/config",
)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_else_is_reachable(gateway: Gateway, method: str) -> None:
    table = {path: request(f"{method} {path} HTTP/1.1", "Content-Length: 0") for path in HIDDEN}
    assert statuses(ask_all(gateway, table)) == dict.fromkeys(HIDDEN, 404)


def test_paths_that_are_none(gateway: Gateway) -> None:
    table = {
        "NUL": request("GET /predict%00/../metrics HTTP/1.1"),
        "above the root": request("GET /../metrics HTTP/1.1"),
        "bad escape": request("GET /%zz HTTP/1.1"),
    }
    assert statuses(ask_all(gateway, table)) == dict.fromkeys(table, 400)


def test_other_methods_are_refused(gateway: Gateway) -> None:
    methods = ("GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND")
    for method in methods:
        with gateway.wire() as wire:
            # HTTPResponse would wait for the body that HEAD does not have.
            wire.send(request(f"{method} /predict HTTP/1.1", "Connection: close"))
            head = wire.socket.makefile("rb").read().partition(b"\r\n\r\n")[0].decode()
        assert head.startswith("HTTP/1.1 405 "), method
        assert "\r\nAllow: POST" in head, method
    # Older versions refuse it as malformed.
    answers = ask_all(gateway, {"CONNECT": request("CONNECT localhost:443 HTTP/1.1")})
    assert answers["CONNECT"].status in {400, 405}


def test_sizes(gateway: Gateway) -> None:
    answers = ask_all(
        gateway,
        {
            "header line": request(POST, f"X-Long: {'a' * 9000}"),
            "headers": request(POST, *(f"X-Long-{n}: {'a' * 4000}" for n in range(10))),
            "request line": request(f"POST /predict?{'a' * 9000} HTTP/1.1"),
        },
    )
    assert statuses(answers) == {"header line": 400, "headers": 400, "request line": 414}


def test_plain_http_on_the_tls_port(gateway: Gateway) -> None:
    assert statuses(ask_all(gateway, {"plain": post()}, tls=False)) == {"plain": 400}


def test_status_server_gives_numbers_and_nothing_else(gateway: Gateway) -> None:
    def ask(path: str) -> Answer:
        with gateway.wire(gateway.status_port, tls=False, source="127.0.0.1") as wire:
            return wire.ask(request(f"GET {path} HTTP/1.1"))

    assert ask("/healthz").json() == {"status": "ok"}
    assert ask("/stub_status").body.startswith(b"Active connections: ")
    assert {ask(path).status for path in HIDDEN if path != "/stub_status"} == {404}
    # Not even for another loopback address.
    with gateway.wire(gateway.status_port, tls=False) as wire:
        assert wire.ask(request("GET /stub_status HTTP/1.1")).status == 403
    assert not (gateway.root / "var/logs/access.jsonl").read_text()
