"""Sends requests to the gateway from chosen source addresses over kept connections.

Threads and http.client, not an event loop with httpx, which takes three times the CPU for the
same 200 requests/s; a generator shares the machine with what it makes busy.
"""

from __future__ import annotations

import base64
import http.client
import select
import socket
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from gateway.certificates import CERTIFICATE
from gateway.errors import ConfigurationError, in_words
from gateway.settings import Settings
from probes.sources import gateway_address

TIMEOUT_S = 8.0
"""More than nginx itself waits for the instances (nginx/conf.d/runtime.conf)."""

# nginx closes an idle connection after 30 s (keepalive_timeout): be first.
_IDLE_S = 25.0


class NoAnswer(ConnectionError):
    """The gateway could not be reached or did not answer; the text says how."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. The body was read and dropped."""

    status: int
    retried: bool
    """The connection broke while the answer was awaited, and a second one had the answer."""


@dataclass(slots=True)
class _Kept:
    connection: http.client.HTTPSConnection
    since: float


class Client:
    """Sends one kind of request to the gateway. Safe to use from several threads."""

    def __init__(
        self, root: Path, settings: Settings, method: str, path: str, user_agent: str
    ) -> None:
        """Reads the certificate below `root`. Raises ConfigurationError if it cannot."""
        self._method, self._path = method, path
        self._name = urlsplit(settings.url).hostname or ""
        self._target = (str(gateway_address(settings)), settings.https_port)
        try:
            self._trust = ssl.create_default_context(cafile=str(root / CERTIFICATE))
        except (OSError, ssl.SSLError) as error:
            fix = "run `make start-project`, which makes one"
            raise ConfigurationError(
                CERTIFICATE, f"cannot be read ({in_words(error)})", fix
            ) from None
        login = f"{settings.user}:{settings.password}".encode()
        self._headers = {
            "Authorization": "Basic " + base64.b64encode(login).decode(),
            "Content-Type": "application/json",
            "User-Agent": user_agent,
        }
        self._lock = threading.Lock()
        self._idle: defaultdict[str, list[_Kept]] = defaultdict(list)

    def connect(self, source: str) -> None:
        """Open a connection from `source` and keep it for the next request. Raises NoAnswer."""
        self._keep(source, self._open(source))

    def send(self, source: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send one request from the address `source` ("": any) and wait for the answer.

        Repeated once, unchanged, if the connection breaks while the answer is awaited: a
        reload of nginx does that to requests in flight. Raises NoAnswer.
        """
        connection = self._take(source) or self._open(source)
        try:
            return Reply(self._exchange(source, connection, headers, body), retried=False)
        except (TimeoutError, ssl.SSLCertVerificationError) as error:
            raise NoAnswer(_words(error)) from None
        except (OSError, http.client.HTTPException):
            pass
        connection = self._open(source)
        try:
            return Reply(self._exchange(source, connection, headers, body), retried=True)
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(_words(error)) from None

    def close(self) -> None:
        """Close the connections that are idle."""
        with self._lock:
            kept = [each for idle in self._idle.values() for each in idle]
            self._idle.clear()
        for each in kept:
            each.connection.close()

    def _exchange(
        self,
        source: str,
        connection: http.client.HTTPSConnection,
        headers: Mapping[str, str],
        body: bytes,
    ) -> int:
        done = False
        try:
            connection.request(self._method, self._path, body, {**self._headers, **headers})
            response = connection.getresponse()
            response.read()
            done = not response.will_close
            return response.status
        finally:
            if done:
                self._keep(source, connection)
            else:
                connection.close()

    def _open(self, source: str) -> http.client.HTTPSConnection:
        connection = _Connection(self._name, self._target, source, self._trust)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise NoAnswer(_words(error)) from None
        return connection

    def _keep(self, source: str, connection: http.client.HTTPSConnection) -> None:
        with self._lock:
            self._idle[source].append(_Kept(connection, time.monotonic()))

    def _take(self, source: str) -> http.client.HTTPSConnection | None:
        while True:
            with self._lock:
                if not self._idle[source]:
                    return None
                # The latest one: the others grow old and are closed.
                kept = self._idle[source].pop()
            if time.monotonic() - kept.since < _IDLE_S and not _has_ended(kept.connection):
                return kept.connection
            kept.connection.close()


class _Connection(http.client.HTTPSConnection):
    """Connects to a given address, whatever name the certificate is for."""

    def __init__(
        self, name: str, target: tuple[str, int], source: str, trust: ssl.SSLContext
    ) -> None:
        super().__init__(name, target[1], timeout=TIMEOUT_S, context=trust)
        self._target, self._trust = target, trust
        self._source = (source, 0) if source else None

    def connect(self) -> None:
        raw = socket.create_connection(self._target, TIMEOUT_S, self._source)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self._trust.wrap_socket(raw, server_hostname=self.host)


def _has_ended(connection: http.client.HTTPSConnection) -> bool:
    try:
        if not select.select([connection.sock], [], [], 0)[0]:
            return False
        # Between two requests nothing is to come but the end, or a ticket of TLS 1.3.
        connection.sock.settimeout(0)
        connection.sock.recv(1)
    except ssl.SSLWantReadError:
        connection.sock.settimeout(TIMEOUT_S)
        return False
    except (OSError, ValueError):
        pass
    return True


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_S:g} s"
    return in_words(error)
