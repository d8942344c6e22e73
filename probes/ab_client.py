"""Asks the gateway and keeps what came back: who answered what, and how long it took."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import in_words
from gateway.settings import Settings
from probes.addresses import available
from probes.client import Client, NoAnswer
from probes.sources import PER_SOURCE

AB_SOURCES = tuple(f"127.0.1.{host}" for host in range(192, 255))
"""Of the half that the traffic leaves to probes, the addresses beside probes.addresses."""

INSTANCE_HEADER = "X-Instance"


@dataclass(frozen=True, slots=True)
class Answer:
    """One response as a whole."""

    status: int
    instance: str
    """X-Instance; "" where the gateway itself answered."""
    body: Any
    """The JSON document; None where it is none."""
    seconds: float
    """From the first byte sent to the last received, on a connection that was open."""
    retried: bool
    """A connection broke meanwhile; the time is that of the second attempt."""


class AskingClient(Client):
    """A Client that keeps the answers."""

    def ask(self, source: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """As `send`, with the answer. Raises NoAnswer."""
        connection = self._take(source) or self._open(source)
        try:
            return self._answer(source, connection, headers, body, retried=False)
        except (TimeoutError, ssl.SSLCertVerificationError) as error:
            raise NoAnswer(in_words(error)) from None
        except (OSError, http.client.HTTPException):
            pass  # once more, on a new connection: a reload of nginx ends the old ones
        connection = self._open(source)
        try:
            return self._answer(source, connection, headers, body, retried=True)
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(in_words(error)) from None

    def _answer(
        self,
        source: str,
        connection: http.client.HTTPSConnection,
        headers: Mapping[str, str],
        body: bytes,
        retried: bool,
    ) -> Answer:
        done = False
        begun = time.perf_counter()
        try:
            connection.request(self._method, self._path, body, {**self._headers, **headers})
            response = connection.getresponse()
            content = response.read()
            seconds = time.perf_counter() - begun
            done = not response.will_close
        finally:
            if done:
                self._keep(source, connection)
            else:
                connection.close()
        instance = response.getheader(INSTANCE_HEADER, "")
        return Answer(response.status, instance, _document(content), seconds, retried)


class Allowance:
    """Which address may send next: each at most PER_SOURCE times in any second."""

    def __init__(
        self,
        sources: Sequence[str],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._turns = deque((source, deque[float](maxlen=PER_SOURCE)) for source in sources)
        self._clock, self._sleep = clock, sleep

    def next_source(self, requests: int) -> str:
        """The address for the next `requests` requests (PER_SOURCE at most); waits for it."""
        source, sent = self._turns[0]
        self._turns.rotate(-1)
        # With these requests that many of the last ones are one too many: be a second later.
        beyond = len(sent) + requests - PER_SOURCE
        wait = sent[beyond - 1] + 1 - self._clock() if beyond > 0 else 0
        if wait > 0:
            self._sleep(wait)
        sent.extend([self._clock()] * requests)
        return source


def ab_sources(settings: Settings) -> tuple[str, ...]:
    """The source addresses that this machine has for probes; NO_CHOICE where it has only one."""
    return available(settings, AB_SOURCES)


def _document(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None
