"""A gateway that answers what a test says, breaks connections and hangs."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CLOSE = b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
BREAK = b""
"""Instead of an answer: the connection ends."""
END = b"HTTP/1.1 201 Made\r\nContent-Length: 0\r\n\r\n"
"""An answer that promises to keep the connection, which then ends all the same."""


class StandIn(threading.Thread):
    """Answers over TLS as `answers` says, one item a request; remembers what it was asked."""

    def __init__(self, trust: ssl.SSLContext) -> None:
        super().__init__(daemon=True)
        self._trust = trust
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.answers: list[bytes] = []
        self.asked: list[tuple[int, dict[str, str], bytes]] = []
        """Number of the connection, headers, body."""
        self.peers: list[str] = []
        self.ended = threading.Semaphore(0)

    def run(self) -> None:
        while True:
            try:
                raw, (peer, _) = self._socket.accept()
            except OSError:
                return
            self.peers.append(peer)
            number = len(self.peers)
            threading.Thread(target=self._serve, args=(raw, number), daemon=True).start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.join()

    def _serve(self, raw: socket.socket, number: int) -> None:
        # A client that goes away, or does not trust us, ends this connection only.
        with suppress(OSError):
            self._talk(raw, number)

    def _talk(self, raw: socket.socket, number: int) -> None:
        with self._trust.wrap_socket(raw, server_side=True) as connection:
            stream = connection.makefile("rb")
            while first := stream.readline():
                headers = {}
                while (line := stream.readline()) != b"\r\n":
                    name, _, value = line.decode().partition(": ")
                    headers[name.lower()] = value.strip()
                headers[":request"] = first.decode().strip()
                body = stream.read(int(headers["content-length"]))
                answer = self.answers.pop(0)
                self.asked.append((number, headers, body))
                if answer:
                    connection.sendall(answer)
                if answer in (BREAK, END):
                    break
            stream.close()
        self.ended.release()
