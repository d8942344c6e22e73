"""An answer leaves in one piece, or not at all."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn

from services.loop import JoinedWrites, JoinedWritesLoop


class Recorder:
    """Stands in for the socket's transport, to see the single writes."""

    def __init__(self) -> None:
        self.calls: list[bytes | str] = []

    def write(self, data: bytes) -> None:
        self.calls.append(data)

    def close(self) -> None:
        self.calls.append("close")

    def is_closing(self) -> bool:
        return "close" in self.calls


def test_writes_of_one_turn_are_joined_in_order() -> None:
    async def run() -> Recorder:
        recorder = Recorder()
        transport = JoinedWrites(recorder, asyncio.get_running_loop())
        transport.write(b"head ")
        transport.write(b"body")
        assert recorder.calls == []
        await asyncio.sleep(0)  # the next turn of the loop
        transport.write(b"next")
        await asyncio.sleep(0)
        return recorder

    assert asyncio.run(run()).calls == [b"head body", b"next"]


def test_closing_sends_first_what_was_written() -> None:
    async def run() -> Recorder:
        recorder = Recorder()
        transport = JoinedWrites(recorder, asyncio.get_running_loop())
        transport.write(b"last words")
        transport.close()
        assert transport.is_closing()
        await asyncio.sleep(0)
        return recorder

    assert asyncio.run(run()).calls == [b"last words", "close"]


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
def test_uvicorn_writes_each_answer_once(monkeypatch: pytest.MonkeyPatch, connection: str) -> None:
    written: list[bytes] = []
    flush = JoinedWrites.flush

    def spy(self: JoinedWrites) -> None:
        if self._pending:
            written.append(b"".join(self._pending))
        flush(self)

    monkeypatch.setattr(JoinedWrites, "flush", spy)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        head = [(b"content-length", b"5")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b"hello"})

    async def run() -> bytes:
        config = uvicorn.Config(app, port=0, lifespan="off", log_level="critical")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event to wait for
            await asyncio.sleep(0)
        port = server.servers[0].sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"GET / HTTP/1.1\r\nHost: x\r\nConnection: {connection}\r\n\r\n"
        writer.write(head.encode())
        answer = await reader.readuntil(b"hello")
        writer.close()
        await writer.wait_closed()
        server.should_exit = True
        await serving
        return answer

    with asyncio.Runner(loop_factory=JoinedWritesLoop) as runner:
        answer = runner.run(run())
    assert written == [answer]
