"""Faults on purpose, for tests and demonstrations: a share of 5xx, and time added.

Nothing of this is loaded unless FAULTS_FILE is in the environment, and the process does not
start if it is and the gateway listens beyond loopback (services.settings).
The file, read again at most once a second, says which instance misbehaves how:

    {"v2-1": {"error_rate": 0.2, "delay_ms": 5}}

A missing file, and an instance that is not in it, is no fault. Only requests to POST paths
that arrive over loopback are spoilt; probes and metrics tell the truth.
"""

import json
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

READ_EVERY_S: Final = 1.0
MAX_DELAY_MS: Final = 1000.0
"""Less than the gateway waits for an answer (nginx/conf.d/runtime.conf)."""

_ANSWER: Final = b'{"detail":"A fault on purpose: FAULTS_FILE asks for it"}'
_HEADERS: Final = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(_ANSWER)).encode()),
]


@dataclass(frozen=True, slots=True)
class Faults:
    """How an instance misbehaves."""

    error_rate: float = 0.0
    """The share of requests that are answered 500, 0 to 1."""
    delay_ms: float = 0.0
    """Milliseconds that each answer takes longer, 0 to MAX_DELAY_MS."""


class BadFaults(ValueError):
    """The file cannot be understood; the message says why."""


def faults_from(text: str, instance: str) -> Faults:
    """What the file's `text` says of `instance`. Raises BadFaults."""
    try:
        value = json.loads(text)
    except ValueError:
        raise BadFaults("not JSON") from None
    if not isinstance(value, dict):
        raise BadFaults('not an object such as {"v2-1": {"error_rate": 0.2}}')
    mine = value.get(instance, {})
    if not isinstance(mine, dict) or not mine.keys() <= {"error_rate", "delay_ms"}:
        raise BadFaults(f"{instance}: not an object of error_rate and delay_ms")
    return Faults(
        _number(mine, "error_rate", instance, 1.0),
        _number(mine, "delay_ms", instance, MAX_DELAY_MS),
    )


class FaultMiddleware:
    """Pure ASGI layer that spoils answers as the file says at the moment."""

    def __init__(
        self,
        app: ASGIApp,
        file: Path,
        instance: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """`instance`: what this process is called now. `draw`: evenly between 0 and 1."""
        self._app = app
        self._file, self._instance = file, instance
        self._clock, self._draw = clock, draw
        self._faults = Faults()
        self._read_at = float("-inf")
        self._said = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of the server."""
        if scope["type"] != "http" or scope["method"] != "POST" or not _over_loopback(scope):
            await self._app(scope, receive, send)
            return
        faults = self._now()
        _hold(faults.delay_ms / 1000)
        if self._draw() < faults.error_rate:
            await send({"type": "http.response.start", "status": 500, "headers": _HEADERS})
            await send({"type": "http.response.body", "body": _ANSWER})
            return
        await self._app(scope, receive, send)

    def _now(self) -> Faults:
        if (now := self._clock()) - self._read_at >= READ_EVERY_S:
            self._read_at = now
            try:
                self._faults, words = self._read(), ""
                if self._faults != Faults():
                    share, delay = self._faults.error_rate, self._faults.delay_ms
                    words = f"on purpose: {share:.0%} of the answers are 500, {delay:g} ms added"
            except (BadFaults, OSError, UnicodeDecodeError) as error:
                self._faults, words = Faults(), f"{self._file}: {error}: no faults until corrected"
            if words != self._said:
                _say(words or "no faults now")
                self._said = words
        return self._faults

    def _read(self) -> Faults:
        try:
            return faults_from(self._file.read_text(encoding="utf-8"), self._instance())
        except FileNotFoundError:
            return Faults()


def announce(file: Path, instance: str) -> None:
    """Say at the start that this process may misbehave on purpose."""
    _say(f"FAULTS ON PURPOSE: FAULTS_FILE is set, so {instance} misbehaves as {file} says")


def _over_loopback(scope: Scope) -> bool:
    # Where the connection arrived, not who the request says it is from.
    host = (scope.get("server") or ("", None))[0]
    return host.startswith("127.") or host in ("::1", "localhost")


def _hold(seconds: float) -> None:
    """As a slower model does: nothing else is answered meanwhile."""
    if seconds > 0:
        time.sleep(seconds)


def _number(values: dict[str, Any], name: str, instance: str, most: float) -> float:
    value = values.get(name, 0.0)
    if type(value) not in (int, float) or not 0 <= value <= most:  # true is an int
        raise BadFaults(f"{instance}: {name} is {value!r}: give a number from 0 to {most:g}")
    return float(value)


def _say(text: str) -> None:
    sys.stderr.write(f"service: {text}\n")
    sys.stderr.flush()
