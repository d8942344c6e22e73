"""What the Serve proxy of each node adds: a request whose replica is lost is asked again.

Serve calls `middlewares` in every proxy (RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH).
"""

import asyncio
import json
import time

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PATIENCE_S = 0.8
"""For how long a request is asked again. Shorter than a door waits (door.conf)."""
PAUSE_S = 0.02
"""Between two tries. Serve's own refusals come without a wait, and nobody else would be served."""
_STATUS = 503
_FIRST_ERROR = 400
_FAILED = 500


def middlewares() -> list[Middleware]:
    """Those that every proxy gets."""
    return [Middleware(AskAgain)]


class AskAgain:
    """Asks again when no replica answered; after a while 503, which the gateway repeats elsewhere.

    Serve itself answers 500 when a replica dies with a request, and 404 for a version that is not
    deployed. From a replica, which names itself in X-Instance, the same would be an answer. A
    prediction changes nothing, so that it may be asked twice.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"].startswith("/-/"):  # Serve's own pages
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        if body is None:
            return
        deadline = time.monotonic() + PATIENCE_S
        while True:
            attempt = _Attempt(body, receive, send)
            await attempt.make(self._app, scope)
            if attempt.lost is None:
                return
            if attempt.is_last or time.monotonic() > deadline:
                await _refuse(scope, attempt.lost, send)
                return
            await asyncio.sleep(PAUSE_S)


class _Attempt:
    """One try: the same body again, and an answer that is let through if a replica gave it."""

    def __init__(self, body: bytes, receive: Receive, send: Send) -> None:
        self._body: bytes | None = body
        self._receive, self._send = receive, send
        self._begun = self._client_left = False
        self.lost: int | None = None
        """The status with which Serve said that no replica answered."""
        self.is_last = False
        """There is no use in another one here."""

    async def make(self, app: ASGIApp, scope: Scope) -> None:
        try:
            await app(dict(scope), self.receive, self.send)
        except BaseException as error:  # of Serve itself, whose kind it does not promise
            if self._begun:
                raise
            self.lost = _FAILED
            # Cancelled, say: this proxy itself comes to its end, with its node.
            self.is_last = not isinstance(error, Exception)
        else:
            # Serve says nothing where a replica was lost before it answered: a 500 by the server.
            if not (self._begun or self._client_left) and self.lost is None:
                self.lost = _FAILED

    async def receive(self) -> Message:
        if self._body is None:
            message = await self._receive()
            self._client_left |= message["type"] == "http.disconnect"
            return message
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_serves_own(message):
            self.lost = message["status"]
        if self.lost is None:
            self._begun = True
            await self._send(message)


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None where the client left before its end: nobody waits for an answer."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _refuse(scope: Scope, status: int, send: Send) -> None:
    request_id = dict(scope["headers"]).get(b"x-request-id")
    document = {
        "detail": f"No replica answered (Ray Serve: {status})",
        "request_id": None if request_id is None else request_id.decode("latin-1"),
    }
    body = json.dumps(document).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": _STATUS, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_serves_own(start: Message) -> bool:
    named = any(name.lower() == b"x-instance" for name, _ in start["headers"])
    return start["status"] >= _FIRST_ERROR and not named
