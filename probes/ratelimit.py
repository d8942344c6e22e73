"""The rate-limit test: many requests from one address, and how many of them pass.

`volley` sends and yields each answer as it comes, `judge` compares them with what the nginx
files promise. Several passes of `volley` need an address each, or the time in between that
`RateLimit.recovery_s` says.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

from probes.exchange import TIMEOUT_S, basic, gateway_name, gateway_target, trust
from probes.limit_files import RateLimit
from probes.verdict import Verdict
from probes.workspace import Workspace

MAX_REQUESTS = 150
"""Below the connections that one address may have (limit_conn in nginx/conf.d/servers.conf)."""
USER_AGENT = "switchyard-rate-limit"


@dataclass(frozen=True, slots=True)
class Plan:
    """How many requests, and how fast. Raises ValueError for what cannot be sent."""

    requests: int
    rate: float | None = None
    """Requests a second; None sends all of them at once."""

    def __post_init__(self) -> None:
        if not 1 <= self.requests <= MAX_REQUESTS:
            raise ValueError(f"{self.requests} requests: choose 1 to {MAX_REQUESTS}")
        if self.rate is not None and not 0.1 <= self.rate <= 1000:
            raise ValueError(f"{self.rate:g} requests a second: choose 0.1 to 1000, or at once")


@dataclass(frozen=True, slots=True)
class Shot:
    """One request of a volley. Times are seconds since the first one was sent."""

    number: int
    """From 0, in the order of sending."""
    sent: float
    answered: float
    status: int | None
    """None if no answer came."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a volley came to."""

    verdict: Verdict
    reason: str
    passed: int
    """Requests that were not refused."""
    expected: tuple[int, int]
    """The least and the most that may pass; they differ by what the rate lets through while
    the requests are on their way."""


def default_plan(limit: RateLimit) -> Plan:
    """All at once, and twice as many as pass where that can be sent."""
    return Plan(min(2 * limit.at_once, MAX_REQUESTS))


def volley(workspace: Workspace, source: str, plan: Plan) -> Generator[Shot, None, None]:
    """Send the requests of `plan` from the address `source`; each answer when it comes.

    Raises OSError when the gateway cannot be reached.
    """
    with _Volley(workspace, source, plan) as running:
        yield from running.shots()


def strip(shots: Sequence[Shot], limit: RateLimit) -> str:
    """One character for each request in the order of sending: passed, refused, other."""
    marks = {limit.status: "x", 200: "#", None: "?"}
    ordered = sorted(shots, key=lambda shot: shot.number)
    return "".join(marks.get(shot.status, "!") for shot in ordered)


def judge(shots: Sequence[Shot], limit: RateLimit, plan: Plan) -> Judgement:
    """Compare the answers with the limit."""
    passed = sum(shot.status == 200 for shot in shots)
    expected = _expected(shots, limit, plan)
    strange = sorted({str(s.status) for s in shots if s.status not in (200, limit.status)})
    if len(shots) < plan.requests or strange:
        what = f"answers other than 200 and {limit.status}: {', '.join(strange)}"
        reason = what if strange else f"only {len(shots)} of {plan.requests} were answered"
        return Judgement(Verdict.ERROR, reason.replace("None", "none in time"), passed, expected)
    least, most = expected
    bounds = str(least) if least == most else f"{least} to {most}"
    span = max(shot.answered for shot in shots)
    reason = (
        f"{passed} of {plan.requests} passed within {span:.2f} s, expected {bounds} "
        f"(burst {limit.burst} + 1 at once, then {limit.rate:g} a second: {limit.place})"
    )
    if not least <= passed <= most:
        return Judgement(Verdict.FAILED, reason, passed, expected)
    if plan.requests > limit.at_once and plan.rate is None and most >= plan.requests:
        slow = f"too slow for a burst, nothing had to be refused: {reason}"
        return Judgement(Verdict.INCONCLUSIVE, slow, passed, expected)
    return Judgement(Verdict.PASSED, reason, passed, expected)


def _expected(shots: Sequence[Shot], limit: RateLimit, plan: Plan) -> tuple[int, int]:
    """Bounds from the leaky bucket at the times of sending.

    nginx counts a request some time after it was sent and before it was answered; refusals
    are never held back, so their slowest is the longest that this can take.
    """
    ordered = sorted(shots, key=lambda shot: shot.sent)
    exact = sum(limit.passes(shot.sent for shot in ordered))
    refused = [shot for shot in shots if shot.status == limit.status]
    on_the_way = max((shot.answered - shot.sent for shot in refused or shots), default=0.0)
    slack = int(limit.rate * on_the_way) + (0 if plan.rate is None else 1)
    least = max(min(len(shots), limit.at_once), exact - slack)
    return least, min(len(shots), exact + slack)


@dataclass(slots=True)
class _Connection:
    socket: ssl.SSLSocket
    number: int
    sent: float
    received: bytearray = field(default_factory=bytearray)
    answered: bool = False


class _Volley:
    """One thread, so that the requests of a burst leave within a few milliseconds."""

    def __init__(self, workspace: Workspace, source: str, plan: Plan) -> None:
        self._target, self._name = gateway_target(workspace), gateway_name(workspace)
        self._trust = trust(workspace)
        self._source = (source, 0) if source else None
        self._plan = plan
        self._request = _request(workspace)
        self._selector = selectors.DefaultSelector()
        self._open: list[ssl.SSLSocket] = []
        self._begun = 0.0

    def __enter__(self) -> _Volley:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        for connection in self._open:
            connection.close()

    def shots(self) -> Iterator[Shot]:
        count, rate = self._plan.requests, self._plan.rate
        # Opened before: a handshake takes longer than the burst may. At a rate, one by one,
        # because nginx closes a connection that says nothing for 5 s.
        ready = [self._connect() for _ in range(count)] if rate is None else []
        self._begun = time.monotonic()
        for number in range(count):
            due = 0.0 if rate is None else number / rate
            yield from self._receive(until=due)
            self._send(number, ready[number] if ready else self._connect())
        yield from self._receive(until=self._now() + TIMEOUT_S, all_answered=True)
        for key in list(self._selector.get_map().values()):
            waiting: _Connection = key.data
            if not waiting.answered:
                yield self._shot(waiting, None)

    def _now(self) -> float:
        return time.monotonic() - self._begun

    def _connect(self) -> ssl.SSLSocket:
        raw = socket.create_connection(self._target, TIMEOUT_S, self._source)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            connection = self._trust.wrap_socket(raw, server_hostname=self._name)
        except OSError:
            raw.close()
            raise
        self._open.append(connection)
        return connection

    def _send(self, number: int, connection: ssl.SSLSocket) -> None:
        sent = self._now()
        connection.sendall(self._request)
        connection.setblocking(False)
        data = _Connection(connection, number, sent)
        self._selector.register(connection, selectors.EVENT_READ, data)

    def _receive(self, until: float, all_answered: bool = False) -> Iterator[Shot]:
        """Answers that come until then, or until none is awaited any more."""
        while (left := until - self._now()) > 0:
            if not self._selector.get_map():
                if all_answered:
                    return
                time.sleep(left)
                return
            for key, _ in self._selector.select(left):
                waiting: _Connection = key.data
                try:
                    data = waiting.socket.recv(4096)
                except ssl.SSLWantReadError:  # a ticket of TLS 1.3, or half a record
                    continue
                except OSError:
                    data = b""
                waiting.received += data
                if not waiting.answered and (not data or b"\r\n" in waiting.received):
                    yield self._shot(waiting, _status(waiting.received))
                if not data:
                    # At once: nginx counts how long a client takes to close as the
                    # request's time, up to the 5 s of lingering_timeout.
                    self._selector.unregister(waiting.socket)
                    waiting.socket.close()

    def _shot(self, waiting: _Connection, status: int | None) -> Shot:
        waiting.answered = True
        return Shot(waiting.number, waiting.sent, self._now(), status)


def _status(received: bytes | bytearray) -> int | None:
    words = bytes(received[:64]).split(b" ")
    return int(words[1]) if len(words) > 1 and words[1][:3].isdigit() else None


def _request(workspace: Workspace) -> bytes:
    settings, workload = workspace.settings, workspace.workload
    body = workspace.example_body()
    headers = {
        "Host": settings.url.removeprefix("https://"),
        "User-Agent": USER_AGENT,
        **basic(settings.user, settings.password),
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    lines = [f"{workload.method} {workload.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
