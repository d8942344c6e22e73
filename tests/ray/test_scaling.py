"""Under load Ray adds the replica that deployments.yaml allows, and the dashboard shows it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from dashboard.feed import LiveFeed
from dashboard.glyphs import ASCII
from dashboard.lines import plain
from dashboard.process_picture import picture
from dashboard.view import View
from gateway.topology import Topology
from scripts.stack import wait_until
from tests.stack.clone import Clone
from tests.stack.live_rollout import FAULTS, faulty
from tests.stack.load import SENTENCE

AT_ONCE = 24
"""Twice what three replicas are to have in flight."""
SLOW_MS = 40.0
"""Of each answer, so that this load costs little. A door waits a second for the last in a queue."""
ADDED_S = 90.0
SHOWN_S = 30.0


class Crowd:
    """So many who ask the doors of v1, each again as soon as it has its answer."""

    def __init__(self, topology: Topology) -> None:
        self.statuses: Counter[int] = Counter()
        self.instances: Counter[str] = Counter()
        self._stop = threading.Event()
        self._doors = [each.address for each in topology.instances if each.version == "v1"]
        self._threads = [
            threading.Thread(target=self._ask, args=(self._doors[number % len(self._doors)],))
            for number in range(AT_ONCE)
        ]

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, address: str) -> None:
        with httpx.Client(base_url=f"http://{address}", timeout=10.0) as client:
            while not self._stop.is_set():
                # A door closes when it has waited too long: the gateway would ask another one.
                with suppress(httpx.TransportError):
                    answer = client.post("/predict", json=SENTENCE)
                    self.statuses[answer.status_code] += 1
                    self.instances[answer.headers.get("x-instance", "")] += 1


@pytest.fixture
def slow(workspace: Clone, supervisor: object) -> Iterator[None]:
    """Every answer takes longer."""
    faulty(workspace, SLOW_MS, delay_ms=SLOW_MS)
    yield
    (workspace.root / FAULTS).unlink()


def test_under_load_there_is_a_fourth_replica(
    topology: Topology, feed: LiveFeed, slow: None
) -> None:
    def is_shown() -> bool:
        feed.advance()
        lines = picture(feed.model, View(120, 60, ASCII), feed.now(), "", None, None).lines
        return any("replicas v1 4 of 4" in plain(line) for line in lines)

    with Crowd(topology) as crowd:
        assert wait_until(lambda: crowd.instances["v1-4"] > 0, ADDED_S), crowd.instances
        assert wait_until(is_shown, SHOWN_S)
    assert crowd.statuses.keys() == {200}, crowd.statuses
