"""Bodies straight to an application: no client, no event loop, a tenth of a millisecond each."""

from __future__ import annotations

from typing import Any, NamedTuple

from fastapi import FastAPI
from starlette.types import Message


class Direct(NamedTuple):
    """One answer."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


def post(app: FastAPI, body: bytes) -> Direct:
    """What /predict answers to a body of JSON. An exception in the application comes through."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/predict",
        "raw_path": b"/predict",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"content-type", b"application/json")],
    }
    # Nothing on the way to an answer waits for anything, so nothing has to wake it up.
    answering = app(scope, receive, send).__await__()
    try:
        next(answering)
    except StopIteration:
        pass
    else:
        raise AssertionError("the application waits")
    start, *rest = sent
    content = b"".join(message["body"] for message in rest)
    return Direct(start["status"], dict(start["headers"]), content)
