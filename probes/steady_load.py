"""An even load for a while, and what became of every request of it."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from probes.client import Client, NoAnswer
from probes.exchange import NOTHING
from probes.sources import PER_SOURCE
from probes.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Answered:
    """One request. Times in seconds."""

    sent: float
    """time.time() when it left."""
    seconds: float
    status: int | None
    """None if no answer came."""
    repeated: bool
    """Only a second try, on a new connection, had an answer."""
    error: str


class SteadyLoad:
    """Sends the example of the workload from several addresses, each at its own even pace."""

    def __init__(
        self,
        workspace: Workspace,
        sources: Sequence[str],
        rate: float,
        user_agent: str,
        headers: Mapping[str, str] = NOTHING,
    ) -> None:
        """`rate`: requests a second from all `sources` together; `headers` go with each.

        Raises ValueError when that is more than PER_SOURCE for each, ConfigurationError when
        the certificate cannot be read.
        """
        if not 0 < rate <= PER_SOURCE * len(sources):
            most = PER_SOURCE * len(sources)
            raise ValueError(f"{rate:g} requests a second: choose up to {most}")
        workload = workspace.workload
        self.run = f"drill-{secrets.token_hex(4)}"
        """What every X-Request-ID of this load starts with."""
        self._client = Client(
            workspace.root, workspace.settings, workload.method, workload.path, user_agent
        )
        self._body = workspace.example_body()
        self._headers = dict(headers)
        self._period = len(sources) / rate
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._answers: list[Answered] = []
        self._wrong = 0
        # Daemons: one that still waits for an answer must not delay the end of the program.
        self._threads = [
            threading.Thread(target=self._send, args=(number, source), daemon=True)
            for number, source in enumerate(sources)
        ]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> tuple[Answered, ...]:
        """Send nothing more, wait for the answers, and say what became of all requests."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._client.close()
        return self.answers()

    def answers(self) -> tuple[Answered, ...]:
        """What has been answered, or given up, until now."""
        with self._lock:
            return tuple(self._answers)

    def counts(self) -> tuple[int, int]:
        """How many have been answered or given up, and how many of these went wrong."""
        with self._lock:
            return len(self._answers), self._wrong

    def _send(self, number: int, source: str) -> None:
        # Not all at the same moment.
        due = time.monotonic() + self._period * number / len(self._threads)
        count = 0
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            # What could not leave in time does not leave later in a heap, which would meet
            # the limit.
            due = max(due + self._period, time.monotonic())
            headers = {**self._headers, "X-Request-ID": f"{self.run}-{number:02d}-{count:05d}"}
            count += 1
            sent, begun = time.time(), time.monotonic()
            status, repeated, error = None, False, ""
            try:
                reply = self._client.send(source, headers, self._body)
                status, repeated = reply.status, reply.retried
            except NoAnswer as caught:
                error = str(caught)
            answered = Answered(sent, time.monotonic() - begun, status, repeated, error)
            with self._lock:
                self._answers.append(answered)
                self._wrong += status != 200 or repeated
