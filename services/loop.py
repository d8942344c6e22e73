"""The event loop of the services: uvloop, with each answer leaving in one piece.

uvicorn writes the head of an answer and its body one after the other. A process that
is killed in between leaves the gateway with half an answer, which it can neither
finish nor ask another instance for: one such request was lost in about twenty kills.
Written together, an answer is either on its way or was never begun, and then the
gateway repeats the request elsewhere. It also saves one system call for each answer.

    uvicorn --loop services.loop:JoinedWritesLoop ...
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import uvloop


class JoinedWritesLoop(uvloop.Loop):
    """uvloop, but servers join what one connection writes in one turn of the loop."""

    async def create_server(  # type: ignore[override]  # the stub spells out every keyword
        self, protocol_factory: Callable[[], asyncio.Protocol], *args: Any, **options: Any
    ) -> asyncio.AbstractServer:
        """As asyncio's; the protocols get a JoinedWrites for their transport."""

        def joined() -> asyncio.Protocol:
            protocol = protocol_factory()
            connection_made = protocol.connection_made

            def made(transport: asyncio.BaseTransport) -> None:
                connection_made(JoinedWrites(transport, self))  # type: ignore[arg-type]

            protocol.connection_made = made  # type: ignore[method-assign]
            return protocol

        return await super().create_server(joined, *args, **options)


class JoinedWrites:
    """A transport that passes on what is written in one turn of `loop` as one write."""

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pending: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Keep `data` until the code that runs now has written all it has to say."""
        if not self._pending:
            self._loop.call_soon(self.flush)
        self._pending.append(data)

    def flush(self) -> None:
        """Pass on what was kept."""
        if self._pending:
            data = b"".join(self._pending)
            self._pending.clear()
            self._transport.write(data)

    def close(self) -> None:
        """Close the connection when everything was sent."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
