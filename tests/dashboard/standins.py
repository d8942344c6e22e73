"""Servers that stand in for the parts of a stack."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def answering(body: bytes | Callable[[str], bytes], status: int = 200) -> Iterator[int]:
    """A port where every GET is answered so, or as `body` says of its path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = body(self.path) if callable(body) else body
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
