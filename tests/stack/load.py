"""Load on the running gateway, bounded by counts: what every request of it came to.

Each client has a source address and an even pace below the limit of the gateway, and keeps
its connection. Nothing is tried twice here: a request that fails is a failed request.
"""

from __future__ import annotations

import subprocess
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType

import httpx

from scripts.stack import wait_until
from tests.stack.clients import Clients

RATE_PER_CLIENT = 8
"""Requests a second; the limit is 10 for each address."""
SENTENCE = {"sentence": "I am happy"}
_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One request over HTTP/1.1."""

    user: str
    outcome: str
    """The status, or the name of the error."""
    instance: str
    """X-Instance; "" where there is none."""


class Load:
    """Posts from `clients` addresses until the end of the `with` block."""

    def __init__(self, connect: Clients, clients: int, users_each: int = 8) -> None:
        self.mark = f"load-{uuid.uuid4().hex[:12]}"
        """What every X-Request-ID and X-User-Id of it starts with."""
        self.answers: list[Answer] = []
        self._users_each = users_each
        self._stop = threading.Event()
        self._done = [0] * clients
        self._threads = [
            threading.Thread(target=self._send, args=(number, connect(f"127.0.4.{1 + number}")))
            for number in range(clients)
        ]

    @property
    def outcomes(self) -> Counter[str]:
        """How many requests came to what."""
        return Counter(answer.outcome for answer in self.answers)

    def wait_for(self, count: int) -> None:
        """Until so many more requests have been answered."""
        enough = len(self.answers) + count
        self._until(lambda: len(self.answers) >= enough, f"{count} answers")

    def wait_for_everybody(self) -> None:
        """Until each client has the answer to a request that it began after this call."""
        # The first of the two may be one that is under way.
        enough = [done + 2 for done in self._done]
        self._until(
            lambda: all(now >= then for now, then in zip(self._done, enough, strict=True)),
            "an answer for everybody",
        )

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        assert wait_until(condition, _TIMEOUT_S, 0.02), f"no {what}: {self.outcomes}"

    def _send(self, number: int, client: httpx.Client) -> None:
        due = time.monotonic() + number / len(self._threads) / RATE_PER_CLIENT
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            due = max(due + 1 / RATE_PER_CLIENT, time.monotonic())
            count = self._done[number]
            user = f"{self.mark}-{number}-{count % self._users_each}"
            headers = {"X-Request-ID": f"{self.mark}-{number}-{count}", "X-User-Id": user}
            try:
                reply = client.post("/predict", json=SENTENCE, headers=headers)
                outcome = str(reply.status_code)
                answer = Answer(user, outcome, reply.headers.get("X-Instance", ""))
            except httpx.HTTPError as error:
                answer = Answer(user, type(error).__name__, "")
            self.answers.append(answer)
            self._done[number] += 1


class Http2Load:
    """One HTTP/2 connection for each user, `requests` one after the other on each.

    By curl: the HTTP/2 half of the client library is an extra that nobody else here needs.
    """

    def __init__(self, port: int, certificate: str, users: Sequence[str], requests: int) -> None:
        self.mark = f"h2-{uuid.uuid4().hex[:12]}"
        """What every X-Request-ID of it starts with."""
        self.requests = requests
        self._commands = [
            [
                *("curl", "-4", "--silent", "--show-error", "--http2", "--cacert", certificate),
                *("--interface", f"127.0.5.{1 + number}", "--user", "admin:admin"),
                *("--rate", f"{RATE_PER_CLIENT}/s", "--max-time", "10"),
                *("-H", "Content-Type: application/json", "-H", f"X-User-Id: {user}"),
                *("-H", f"X-Request-ID: {self.mark}-{number}", "-d", '{"sentence": "I am sad"}'),
                *("--output", "/dev/null"),
                *("--write-out", "%{http_version} %{http_code} %{num_connects}\\n"),
                f"https://localhost:{port}/predict?number=[1-{requests}]",
            ]
            for number, user in enumerate(users)
        ]
        self._running: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Http2Load:
        for command in self._commands:
            self._running.append(
                subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._running:
            if kind is not None:
                process.terminate()
            process.communicate()

    def finish(self) -> None:
        """Wait for the end: every request was answered 200, on the first connection."""
        for process in self._running:
            out, err = process.communicate(timeout=_TIMEOUT_S)
            assert (process.returncode, err) == (0, "")
            expected = ["2 200 1", *["2 200 0"] * (self.requests - 1)]
            assert out.splitlines() == expected
