"""A model that costs nothing: answers every request at once, always the same.

    python -m bench.fast_backend ANSWER PORT...

One process on all ports, so that what stands before it is what a benchmark measures.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import cast

import uvloop

_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class Answer(asyncio.Protocol):
    """Requests with a Content-Length or without a body, one after the other."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._received = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A gateway has connected."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._received += data
        while (end := self._received.find(_END)) >= 0:
            size = end + len(_END) + _length(self._received[:end])
            if len(self._received) < size or self._transport is None:
                return
            self._received = self._received[size:]
            self._transport.write(self._answer)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(_LENGTH):
            return int(line[len(_LENGTH) :])
    return 0


def response(answer: str) -> bytes:
    """A prediction as an instance gives it, headers included."""
    body = json.dumps({"prediction": answer, "version": "v1"}).encode()
    head = (
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-instance: v1-1\r\n"
        f"x-prediction: {answer}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def serve(answer: bytes, ports: list[int]) -> None:
    """Listen on all `ports` until the end."""
    loop = asyncio.get_running_loop()
    for port in ports:
        await loop.create_server(lambda: Answer(answer), "127.0.0.1", port)
    await loop.create_future()


if __name__ == "__main__":
    uvloop.run(serve(response(sys.argv[1]), [int(port) for port in sys.argv[2:]]))
