"""A stand-in for a model instance: remembers what it was asked, answers or fails as told."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from dataclasses import dataclass
from enum import Enum
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import cast


class Behaviour(Enum):
    """What a stand-in does with a request."""

    ANSWER = "answer"
    UNAVAILABLE = "unavailable"
    """Answers 503, as an instance does whose model is not loaded."""
    ABORT = "abort"
    """Closes the connection without an answer, as a killed process does."""
    HANG = "hang"
    """Never answers, as a stopped process does."""
    HOLD = "hold"
    """Answers once it is released."""


@dataclass(frozen=True)
class Received:
    """One request as it arrived at a stand-in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, standin: StandIn) -> None:
        self.standin = standin
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", standin.port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _standin(self) -> StandIn:
        return cast(_Server, self.server).standin

    def setup(self) -> None:
        super().setup()
        self._standin.connections += 1
        cast(_Server, self.server).connections.add(self.connection)

    def finish(self) -> None:
        cast(_Server, self.server).connections.discard(self.connection)
        super().finish()

    def do_POST(self) -> None:
        standin = self._standin
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        standin.received.append(Received(self.command, self.path, headers, body))
        match standin.behaviour:
            case Behaviour.HANG:
                standin.released.wait()
                self.close_connection = True
                return
            case Behaviour.ABORT:
                self.close_connection = True
                return
            case Behaviour.HOLD:
                standin.released.wait()
                status, answer = 200, {"version": standin.version}
            case Behaviour.UNAVAILABLE:
                status, answer = 503, {"detail": "not loaded"}
            case Behaviour.ANSWER:
                status, answer = 200, {"version": standin.version}
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Instance", standin.name)
        self.send_header("X-Prediction", "positive")
        self.send_header("X-Powered-By", "stand-in")
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests look at `received`."""


class StandIn:
    """One instance. `stop` is what a kill is to the real one: the port refuses connections."""

    def __init__(self, name: str, version: str, port: int) -> None:
        self.name = name
        self.version = version
        self.port = port
        self.behaviour = Behaviour.ANSWER
        self.received: list[Received] = []
        self.connections = 0
        """Opened since the last reset."""
        self.released = threading.Event()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen; nothing happens if it does already."""
        if self._server is None:
            self._server = _Server(self)
            self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
            self._thread.start()

    def stop(self) -> None:
        """Close the port and every connection, and wait for the threads."""
        if self._server is None or self._thread is None:
            return
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        for connection in list(self._server.connections):
            with contextlib.suppress(OSError):  # nginx was faster
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._server = self._thread = None

    def reset(self) -> None:
        """As new: listening, answering, nothing received. No gateway may be connected."""
        self.released.set()
        self.released = threading.Event()
        self.behaviour = Behaviour.ANSWER
        self.received.clear()
        self.connections = 0
        self.start()
