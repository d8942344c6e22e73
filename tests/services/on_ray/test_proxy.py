"""What is asked again, and what passes untouched. No Ray: stub applications stand for Serve."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.on_ray import proxy
from services.on_ray.proxy import AskAgain, middlewares

NAMED = (b"X-Instance", b"v1-2")
PLAIN = (b"content-type", b"text/plain")
BODY = b'{"sentence": "good"}'


class Clock:
    """Time that passes only where somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(proxy, "time", clock)
    monkeypatch.setattr(proxy, "asyncio", clock)
    return clock


def answer(status: int, *parts: bytes, headers: Iterable[Any] = (PLAIN,)) -> list[Message]:
    start: Message = {"type": "http.response.start", "status": status, "headers": [*headers]}
    last = len(parts) - 1
    return [
        start,
        *(
            {"type": "http.response.body", "body": part, "more_body": place < last}
            for place, part in enumerate(parts)
        ),
    ]


class Serve:
    """The Serve proxy behind the middleware: its answers in turn, the last one for ever."""

    def __init__(self, *answers: list[Message]) -> None:
        self.answers = list(answers)
        self.scopes: list[Scope] = []
        self.bodies: list[bytes] = []
        self.after: list[Message] = []
        """What each try received once it had the body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(dict(scope))
        scope["path"] = "/changed"  # as Serve does, which strips its prefix
        body, more = b"", True
        while more:
            message = await receive()
            assert message["type"] == "http.request"
            body += message["body"]
            more = message["more_body"]
        self.bodies.append(body)
        self.after.append(await receive())
        answered = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        for message in answered:
            await send(message)


def http(**changed: Any) -> Scope:
    return {"type": "http", "method": "POST", "path": "/v1/predict", "headers": [], **changed}


def exchange(app: ASGIApp, scope: Scope, *incoming: Message) -> list[Message]:
    """What the middleware around `app` sends, given what the server has received."""
    waiting = list(incoming or [{"type": "http.request", "body": BODY, "more_body": False}])
    sent: list[Message] = []

    async def receive() -> Message:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(AskAgain(app)(scope, receive, send))
    return sent


def test_neither_this_module_nor_serving_needs_ray() -> None:
    assert "ray" not in sys.modules
    (only,) = middlewares()
    assert only.cls is AskAgain  # type: ignore[comparison-overlap]


@pytest.mark.parametrize("status", [200, 204, 307, 400, 404, 408, 422, 499, 500, 503])
def test_what_a_replica_answers_passes_untouched(status: int) -> None:
    said = answer(status, b"one", b"two", b"three", headers=[PLAIN, NAMED])
    serve = Serve(said)
    assert exchange(serve, http()) == said
    assert serve.bodies == [BODY]


def test_what_is_no_error_passes_without_a_name() -> None:
    said = answer(200, b"ok")
    serve = Serve(said)
    assert exchange(serve, http()) == said
    assert len(serve.scopes) == 1


@pytest.mark.parametrize("status", [404, 408, 500, 503])
def test_what_serve_itself_refuses_is_asked_again(status: int, clock: Clock) -> None:
    said = answer(200, b"fine", headers=[NAMED])
    serve = Serve(answer(status, b"Internal ", b"Server Error"), said)
    scope = http(headers=[(b"x-user-id", b"7")])
    assert exchange(serve, scope) == said
    assert serve.bodies == [BODY, BODY]
    # As the first try got it, though that one was changed.
    assert serve.scopes == [scope, scope]
    assert clock.pauses == [proxy.PAUSE_S]


def test_the_next_replica_may_refuse_for_itself() -> None:
    refused = answer(422, b"{}", headers=[NAMED])
    assert exchange(Serve(answer(500, b"lost"), refused), http()) == refused


def test_a_body_in_parts_is_asked_with_as_a_whole() -> None:
    serve = Serve(answer(500, b""), answer(200, b"", headers=[NAMED]))
    exchange(
        serve,
        http(),
        {"type": "http.request", "body": b"one ", "more_body": True},
        {"type": "http.request", "more_body": True},
        {"type": "http.request", "body": b"two"},
    )
    assert serve.bodies == [b"one two"] * 2


@pytest.mark.parametrize(
    ("headers", "request_id"),
    [([(b"x-request-id", b"abc\xe9")], "abc\xe9"), ([(b"x-user-id", b"7")], None)],
)
def test_after_a_while_it_is_503_for_the_gateway(
    clock: Clock, headers: list[tuple[bytes, bytes]], request_id: str | None
) -> None:
    serve = Serve(answer(500, b"lost"), answer(404, b"no such route"))
    begun = clock.now
    start, body = exchange(serve, http(headers=headers))
    assert proxy.PATIENCE_S < clock.now - begun < proxy.PATIENCE_S + 2 * proxy.PAUSE_S
    assert (start["type"], start["status"]) == ("http.response.start", 503)
    assert dict(start["headers"]) == {
        b"content-type": b"application/json",
        b"content-length": str(len(body["body"])).encode(),
    }
    assert json.loads(body["body"]) == {
        "detail": "No replica answered (Ray Serve: 404)",
        "request_id": request_id,
    }
    assert not body.get("more_body", False)


def test_other_requests_are_served_between_two_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy, "asyncio", asyncio)
    others: list[str] = []

    async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
        # Never waits for anything, as Serve where it has no route.
        for message in answer(404, b"") if not others else answer(200, b"", headers=[NAMED]):
            await send(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        pass

    async def both() -> None:
        asking = asyncio.create_task(AskAgain(refusing)(http(), receive, send))
        asyncio.get_running_loop().call_soon(lambda: others.append("served"))
        await asking

    monkeypatch.setattr(proxy, "PATIENCE_S", 5.0)
    asyncio.run(asyncio.wait_for(both(), 20))
    assert others == ["served"]


def test_who_left_before_the_end_of_the_body_is_not_asked_for() -> None:
    serve = Serve(answer(200, b"", headers=[NAMED]))
    half: Message = {"type": "http.request", "body": b"{", "more_body": True}
    assert exchange(serve, http(), half, {"type": "http.disconnect"}) == []
    assert serve.scopes == []


def test_that_the_client_left_is_told_to_each_try() -> None:
    serve = Serve(answer(500, b""), answer(200, b"", headers=[NAMED]))
    exchange(serve, http())
    assert serve.after == [{"type": "http.disconnect"}] * 2


def test_no_answer_at_all_is_a_loss() -> None:
    """What Serve does where a replica is lost with a request, and then the server says 500."""
    said = answer(200, b"fine", headers=[NAMED])
    serve = Serve(said)
    seen: list[int] = []

    async def silent_first(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(len(seen))
        if len(seen) > 1:
            await serve(scope, receive, send)

    assert exchange(silent_first, http()) == said
    assert len(seen) == 2


def test_no_answer_to_a_client_that_left_is_no_loss() -> None:
    tries: list[Message] = []

    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        tries.append(await receive())

    assert exchange(silent, http()) == []
    assert tries == [{"type": "http.disconnect"}]


@pytest.mark.parametrize(
    "scope",
    [
        http(path="/-/healthz"),
        http(path="/-/routes"),
        {"type": "websocket", "path": "/v1/predict"},
        {"type": "lifespan"},
    ],
)
def test_what_is_not_for_a_replica_is_none_of_its_business(scope: Scope) -> None:
    given: list[tuple[Scope, Receive, Send]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        given.append((scope, receive, send))
        for message in answer(503, b"draining"):
            await send(message)

    async def receive() -> Message:
        raise AssertionError("read by the middleware")

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(AskAgain(app)(scope, receive, send))
    assert given == [(scope, receive, send)]
    assert sent == answer(503, b"draining")


@pytest.mark.parametrize(("error", "tries"), [(RuntimeError(), 2), (asyncio.CancelledError(), 1)])
def test_a_failure_of_serve_itself_is_asked_again_but_not_where_the_proxy_ends(
    error: BaseException, tries: int
) -> None:
    serve = Serve(answer(200, b"{}", headers=[NAMED]))
    seen: list[int] = []

    async def failing_first(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(len(seen))
        if len(seen) == 1:
            raise error
        await serve(scope, receive, send)

    request: Message = {"type": "http.request", "body": BODY, "more_body": False}
    start = exchange(failing_first, http(), request)[0]
    assert len(seen) == tries
    assert start["status"] == (200 if tries == 2 else 503)
