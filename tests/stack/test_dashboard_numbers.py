"""N requests sent are N requests shown, through a restart and through a rotated log."""

from __future__ import annotations

import json
import subprocess
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from types import MappingProxyType

import httpx
import pytest

from dashboard import numbers
from dashboard.feed import LiveFeed, declared_workspace, live_sources
from dashboard.glyphs import ASCII
from dashboard.lines import plain
from dashboard.present import overview
from dashboard.view import View
from dashboard.window import Window
from gateway.settings import load_settings
from gateway.supervisor import Supervisor
from gateway.topology import Topology
from scripts.stack import search_path, wait_until
from tests.gateway.access_lines import rotate
from tests.stack.clients import Clients
from tests.stack.hurting import process, wait_for_another

SENTENCE: dict[str, object] = {"sentence": "I am happy"}
DEBUG = {"X-Experiment-Group": "debug"}
LOG = Path("var/logs/access.jsonl")
BACKGROUND = 6
RATE = 8.0  # requests/s of one client; the limit is 10 per address
BEYOND_THE_BURST = 40
WAIT_S = 30.0

Answers = Counter[tuple[str, int]]
"""By who answered ("": nginx itself) and status."""


class Sender:
    """Sends requests that the log can be searched for, and counts what came back."""

    def __init__(self, mark: str, connect: Clients, http_port: int) -> None:
        self.mark = mark
        self.seen: Answers = Counter()
        self.ids: set[str] = set()
        self._connect, self._http_port = connect, http_port
        self._number, self._address = count(), count(10)
        self._lock = threading.Lock()

    def client(self) -> httpx.Client:
        """One with an address of its own: no limit is met by accident."""
        with self._lock:
            return self._connect(f"127.0.3.{next(self._address)}")

    def send(
        self,
        client: httpx.Client,
        method: str,
        path: str,
        body: dict[str, object] | None = None,
        login: tuple[str, str] | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """One request; `login`: another one than the client's own."""
        with self._lock:
            request_id = f"{self.mark}-{next(self._number):06d}"
            self.ids.add(request_id)
        names = {"X-Request-ID": request_id, "X-User-Id": request_id, "User-Agent": self.mark}
        answer = client.request(
            method,
            path,
            json=body,
            headers={**names, **headers},
            auth=httpx.USE_CLIENT_DEFAULT if login is None else login,
        )
        with self._lock:
            self.seen[answer.headers.get("X-Instance", ""), answer.status_code] += 1

    def every_kind(self, each: int) -> None:
        """`each` requests of every kind that a client of the gateway sees."""
        with httpx.Client(base_url=f"http://localhost:{self._http_port}") as plain_http:
            for _ in range(each):
                client = self.client()
                self.send(client, "POST", "/predict", SENTENCE)
                self.send(client, "POST", "/predict", SENTENCE, headers=DEBUG)
                self.send(client, "POST", "/predict", SENTENCE, ("admin", "wrong"))
                self.send(client, "POST", "/predict", {"sentence": 7})
                self.send(client, "GET", "/predict")
                self.send(client, "GET", "/no-such-path")
                self.send(plain_http, "GET", "/predict")
        limited = self.client()
        for _ in range(BEYOND_THE_BURST):
            self.send(limited, "POST", "/predict", SENTENCE)

    def steadily(self, stop: threading.Event) -> None:
        """Predictions until `stop` is set."""
        client = self.client()
        due = time.monotonic()
        while not stop.wait(max(0.0, due - time.monotonic())):
            due += 1 / RATE
            self.send(client, "POST", "/predict", SENTENCE)


@pytest.fixture
def feed(supervisor: Supervisor, topology: Topology, root: Path) -> Iterator[LiveFeed]:
    """What the dashboard shows, without a terminal; all that was in the log is in it."""
    workspace = declared_workspace(topology, load_settings(root, {}), time.time())
    opened = LiveFeed(workspace, live_sources(root, topology, workspace))
    opened.start()
    try:
        wait_for(opened, lambda: opened.model.log is not None and opened.model.log.caught_up)
        yield opened
    finally:
        opened.stop()


def wait_for(feed: LiveFeed, condition: Callable[[], object]) -> None:
    def holds() -> bool:
        feed.advance()
        return bool(condition())

    assert wait_until(holds, WAIT_S), feed.model.totals.answers


def lines(path: Path, mark: str) -> list[dict[str, str]]:
    """The requests of a sender that a file holds, read as `jq` reads them."""
    found = [json.loads(line) for line in path.read_bytes().splitlines()]
    return [line for line in found if line["user_agent"] == mark]


def answers(logged: list[dict[str, str]]) -> Answers:
    return Counter((line["instance"], int(line["status"])) for line in logged)


def test_n_sent_are_n_shown(
    connect: Clients, feed: LiveFeed, supervisor: Supervisor, topology: Topology, root: Path
) -> None:
    log = root / LOG
    model = feed.model
    before, hits_before = Counter(model.totals.answers), model.hits
    sender = Sender(f"numbers-{uuid.uuid4().hex[:12]}", connect, topology.http_port)
    sender.every_kind(5)

    stop = threading.Event()
    background = [threading.Thread(target=sender.steadily, args=(stop,)) for _ in range(BACKGROUND)]
    for thread in background:
        thread.start()
    try:
        pid = process(supervisor, "v1-2").pid
        supervisor.restart("v1-2")
        old = rotate(log)
        # nginx goes on writing to the renamed file until it is told.
        sender.every_kind(1)
        subprocess.run(
            ["nginx", "-p", "var", "-c", "../nginx/nginx.conf", "-e", "stderr", "-s", "reopen"],
            cwd=root,
            env={"PATH": search_path(root)},
            check=True,
        )
        assert wait_until(log.exists, WAIT_S)
        sender.every_kind(1)

        wait_for_another(supervisor, "v1-2", pid)
    finally:
        stop.set()
        for thread in background:
            thread.join()
    sender.every_kind(5)

    sent = len(sender.ids)
    assert sum(sender.seen.values()) == sent  # every one was answered
    assert {status for _, status in sender.seen} == {200, 301, 401, 404, 405, 422, 429}
    assert {who for who, _ in sender.seen} == {"", *(one.name for one in topology.instances)}
    assert wait_until(lambda: len(lines(old, sender.mark) + lines(log, sender.mark)) >= sent, 30)
    logged = lines(old, sender.mark) + lines(log, sender.mark)
    assert lines(old, sender.mark)
    assert lines(log, sender.mark)
    assert Counter(line["request_id"] for line in logged) == Counter(sender.ids)
    assert answers(logged) == sender.seen

    wait_for(feed, lambda: model.hits >= hits_before + sent)
    assert model.hits == hits_before + sent
    assert Counter(model.totals.answers) - before == sender.seen
    assert model.log is not None
    assert model.log.bad_lines == 0
    shown = Counter(a.request_id for a in model.recent if a.user_agent == sender.mark)
    assert shown == Counter(sender.ids)

    screen = overview(model, View(200, 60, ASCII, Window.ALL), feed.now(), "")
    rows = {line[1].text.strip(): plain(line).split() for line in screen if len(line) > 1}
    for name in [*(one.name for one in topology.instances), "nginx"]:
        who = "" if name == "nginx" else name
        total = sum(number for (by, _), number in (before + sender.seen).items() if by == who)
        # Twice: since the start of the log, and in the window, which is all.
        assert rows[name].count(numbers.count(total)) >= 2, rows[name]
