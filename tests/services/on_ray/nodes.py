"""Stand-ins for the Serve proxies of the nodes: they answer as told and remember the requests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

from tests.nginx.gateway_copy import free_ports


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    host: str
    body: bytes


Answer = tuple[int, bytes] | None
"""Status and body. None: the connection is closed without a word, as by a process that dies."""


class Node:
    """One proxy at `port`, which refuses connections until `start`."""

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_ports(1)[0]
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Answer] = lambda _: (200, b"{}")
        self._server: _Server | None = None
        self._thread = threading.Thread()

    def start(self) -> Node:
        """Listen; the node itself, so that one line says it."""
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close the port and wait for the threads; nothing happens where it does not listen."""
        if self._server is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None


class _Server(ThreadingHTTPServer):
    # A test does not wait for a connection that nginx keeps open.
    daemon_threads = True

    def __init__(self, node: Node) -> None:
        self.node = node
        super().__init__(("127.0.0.1", node.port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        node = cast(_Server, self.server).node
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        asked = Asked(self.command, self.path, self.headers["Host"], body)
        node.asked.append(asked)
        answer = node.answer(asked)
        # One connection for each request: a node that is stopped has none left.
        self.close_connection = True
        if answer is None:
            return
        status, content = answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests look at `asked`."""
