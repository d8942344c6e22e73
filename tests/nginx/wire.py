"""Bytes to and from the gateway, without an HTTP client that would correct them."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

BASIC = "Authorization: Basic " + b64encode(b"admin:admin").decode()
WRONG = "Authorization: Basic " + b64encode(b"admin:wrong").decode()


def wait_until(condition: Callable[[], object], what: str, timeout_s: float = 15.0) -> None:
    """Return when `condition` is true; TimeoutError names `what` was waited for."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:.0f} s for {what}")
        time.sleep(0.005)


def post(body: str = "{}", *, headers: tuple[str, ...] = (BASIC,), path: str = "/predict") -> bytes:
    """A well-formed request with a body."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", body]).encode()


@dataclass(frozen=True)
class Answer:
    """One response."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Wire:
    """One connection to the gateway on 127.0.0.1."""

    def __init__(self, port: int, tls: ssl.SSLContext | None, source: str) -> None:
        plain = socket.create_connection(("127.0.0.1", port), 15.0, source_address=(source, 0))
        self.socket = tls.wrap_socket(plain, server_hostname="localhost") if tls else plain

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def send(self, request: bytes) -> None:
        """Write; the gateway may have closed already, which is an answer too."""
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            self.socket.sendall(request)

    def receive(self) -> Answer:
        """Read one response. Raises http.client.RemoteDisconnected if there is none."""
        response = http.client.HTTPResponse(self.socket)
        response.begin()
        body = response.read()
        headers = {name.lower(): value for name, value in response.getheaders()}
        response.close()
        return Answer(response.status, headers, body)

    def ask(self, request: bytes) -> Answer:
        """Send and read."""
        self.send(request)
        return self.receive()
