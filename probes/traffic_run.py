"""The process `traffic`: sends what var/traffic.json asks for, then ends.

Started by `make traffic` through process-compose. One line of JSON on stdout at the end
says what was sent; everything for people goes to stderr.
"""

from __future__ import annotations

import json
import os
import queue
import secrets
import select
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from gateway.command import Voice
from gateway.errors import ConfigurationError, in_words
from gateway.exit_codes import ExitCode
from gateway.settings import load_settings
from gateway.workload import Text, Workload, load_workload
from probes.client import Client, NoAnswer
from probes.sources import NO_CHOICE, PER_SOURCE, traffic_sources
from probes.traffic_plan import FILE, Demand, Request, check, from_json, plan

_voice = Voice("traffic")
USER_AGENT = "switchyard-traffic"
BEGUN = "traffic: begun"
"""How the line starts that says so; process-compose waits for it (ready_log_line)."""

IN_FLIGHT = 64
"""Requests that wait for their answer at the same time, at most."""
LATE_S = 1.0
"""A request that could not leave within this many seconds after it was due never leaves:
sent later, with those that are due by then, it would meet the limit."""
GRACE_S = 1.5
"""How long answers are awaited at the end."""


@dataclass(slots=True)
class Tally:
    """What became of the requests. Guarded by the lock of the Sender."""

    sent: int = 0
    answered: Counter[int] = field(default_factory=Counter)
    retries: int = 0
    missed: int = 0
    last_error: str = ""

    def summary(self, seconds: float) -> dict[str, object]:
        """As printed; what was sent and has no answer counts as an error."""
        return {
            "sent": self.sent,
            "answered": {str(status): count for status, count in sorted(self.answered.items())},
            "errors": self.sent - self.answered.total(),
            "retries": self.retries,
            "missed": self.missed,
            "seconds": round(seconds, 3),
            "cpu_seconds": round(time.process_time(), 3),
        }


class Sender:
    """Sends requests when they are put, up to IN_FLIGHT at a time."""

    def __init__(
        self,
        client: Client,
        workload: Workload,
        texts: Sequence[Text],
        on_first: Callable[[int], None],
    ) -> None:
        """Starts the threads; `on_first` is told the status of the first answer."""
        self._client, self._workload, self._texts = client, workload, texts
        self._on_first = on_first
        self._run = secrets.token_hex(4)
        self._queue: queue.SimpleQueue[tuple[Request, float] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._tally = Tally()
        # Daemons: one that still waits for an answer must not delay the end.
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(IN_FLIGHT)]
        for thread in self._threads:
            thread.start()

    def put(self, request: Request, due: float) -> None:
        """Send `request`, due at `due` (time.monotonic), as soon as a thread is free."""
        self._queue.put((request, due))

    def finish(self) -> Tally:
        """Wait up to GRACE_S for the answers that are due, then what became of all requests."""
        for _ in self._threads:
            self._queue.put(None)
        deadline = time.monotonic() + GRACE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        with self._lock:
            return self._tally

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            request, due = item
            late = time.monotonic() - due > LATE_S
            with self._lock:
                if late:
                    self._tally.missed += 1
                    continue
                self._tally.sent += 1
            self._send(request)

    def _send(self, request: Request) -> None:
        text = self._texts[request.text].text
        body = json.dumps(self._workload.body(text), ensure_ascii=False).encode()
        request_id = f"traffic-{self._run}-{request.number:06d}"
        headers = {"X-User-Id": request.user, "X-Request-ID": request_id}
        try:
            reply = self._client.send(request.source, headers, body)
        except NoAnswer as error:
            with self._lock:
                self._tally.last_error = str(error)
            return
        with self._lock:
            if not self._tally.answered:
                self._on_first(reply.status)
            self._tally.answered[reply.status] += 1
            self._tally.retries += reply.retried


class StopSignals:
    """SIGTERM and SIGINT end a wait instead of the process, while entered."""

    def __enter__(self) -> StopSignals:
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        # Not an Event set by the handler: the handler runs in the thread that waits, and
        # would wait for the lock of the event which that thread holds.
        self._wakeup = signal.set_wakeup_fd(self._writer.fileno())
        names = (signal.SIGTERM, signal.SIGINT)
        self._handlers = {name: signal.signal(name, lambda *_: None) for name in names}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name, handler in self._handlers.items():
            signal.signal(name, handler)
        signal.set_wakeup_fd(self._wakeup)
        self._reader.close()
        self._writer.close()

    def wait(self, seconds: float) -> bool:
        """Whether a signal came within `seconds`."""
        return bool(select.select([self._reader], [], [], max(0.0, seconds))[0])


def read_file(root: Path, sources: int) -> Demand:
    """What var/traffic.json asks for; the defaults if there is none. Raises ConfigurationError."""
    try:
        return from_json((root / FILE).read_text(encoding="utf-8"), sources)
    except FileNotFoundError:
        _voice.say(f"no {FILE}, so the defaults (`make traffic` writes one)")
        return check(Demand(), sources)
    except (OSError, UnicodeDecodeError) as error:
        fix = "run `make traffic`, which writes it anew"
        raise ConfigurationError(FILE, f"cannot be read ({in_words(error)})", fix) from None


def main() -> int:
    """Run until the time is over or a signal comes."""
    root = Path.cwd()
    try:
        settings = load_settings(root, os.environ)
        sources = traffic_sources(settings)
        demand = read_file(root, len(sources))
        workload = load_workload(root)
        texts = workload.texts()
        client = Client(root, settings, workload.method, workload.path, USER_AGENT)
    except ConfigurationError as error:
        return _voice.fail(str(error), ExitCode.USAGE)
    if sources == NO_CHOICE:
        _voice.say(
            f"no 127.0.1.x addresses here: at most {PER_SOURCE} requests/s, from one address"
        )
    with StopSignals() as stop:
        try:
            client.connect(sources[0])
        except NoAnswer as error:
            reason = f"{settings.url} cannot be reached ({error}): make start-project"
            return _voice.fail(reason, ExitCode.UNREACHABLE)
        words = f"{begun_line(demand.run)}: {describe(demand, sources)}"
        sender = Sender(client, workload, texts, lambda status: _begun(words, status))
        begun = time.monotonic()
        ended = "stopped" if _follow(demand, sources, len(texts), sender, stop, begun) else "over"
        seconds = time.monotonic() - begun
        tally = sender.finish()
        client.close()
    _report(tally, ended, seconds)
    return ExitCode.PASS


def begun_line(run: str) -> str:
    """How the line starts that says that the run called `run` has its first answer."""
    return f"{BEGUN} {run}".rstrip()


def describe(demand: Demand, sources: Sequence[str]) -> str:
    """The traffic in one line of words."""
    many = min(len(sources), demand.users)
    addresses = f"{sources[0]} to {sources[many - 1].rpartition('.')[2]}" if sources[0] else "one"
    return (
        f"{demand.rate:g} requests/s by {demand.users} users "
        f"from {addresses} for {demand.duration:g} s"
    )


def _follow(
    demand: Demand,
    sources: Sequence[str],
    texts: int,
    sender: Sender,
    stop: StopSignals,
    begun: float,
) -> bool:
    """Put every request when it is due; whether a signal came before the time was over."""
    for request in plan(demand, sources, texts):
        if stop.wait(begun + request.due - time.monotonic()):
            return True
        sender.put(request, begun + request.due)
    return stop.wait(begun + demand.duration - time.monotonic())


def _report(tally: Tally, ended: str, seconds: float) -> None:
    summary = tally.summary(seconds)
    statuses = ", ".join(f"{count} x {status}" for status, count in sorted(tally.answered.items()))
    _voice.say(f"{ended} after {seconds:.1f} s: {tally.sent} sent, answers: {statuses or 'none'}")
    if summary["errors"]:
        _voice.say(f"{summary['errors']} without an answer: {tally.last_error or 'not awaited'}")
    if tally.missed:
        _voice.say(
            f"{tally.missed} never left: {IN_FLIGHT} requests were waiting for their answers, "
            f"or this process was held up, for more than {LATE_S:g} s"
        )
    sys.stdout.write(json.dumps(summary) + "\n")
    sys.stdout.flush()


def _begun(words: str, status: int) -> None:
    sys.stderr.write(f"{words}; first answer {status}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main())
