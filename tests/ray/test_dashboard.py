"""The dashboard shows nodes and replicas of Ray, with the numbers that Prometheus has."""

from __future__ import annotations

from collections import Counter
from typing import Any

from dashboard.events import RayState
from dashboard.feed import LiveFeed
from dashboard.glyphs import ASCII
from dashboard.lines import plain
from dashboard.process_picture import picture
from dashboard.view import View
from gateway.topology import Topology
from scripts.stack import wait_until
from tests.ray.replicas import PRESENT, asked
from tests.stack.clients import Clients

REQUESTS = "ray_serve_deployment_request_counter_total"
# What a replica counts is with Ray after 10 s at most, and with Prometheus 5 s later.
COUNTED_S = 30.0


def _in_prometheus(topology: Topology) -> dict[tuple[str, str, str], int]:
    """The predictions of each replica that runs, by version, node and name."""
    found = {_key(each): 0 for each in asked(topology, PRESENT)}
    for each in asked(topology, f'{REQUESTS}{{route=~"/v[12]/predict"}}'):
        if _key(each) in found:
            found[_key(each)] = int(each["value"][1])
    return found


def _key(series: dict[str, Any]) -> tuple[str, str, str]:
    labels = series["metric"]
    return labels["application"], labels["node"], labels["replica"]


def _on_screen(state: RayState) -> dict[tuple[str, str, str], int]:
    return {(each.version, each.node, each.name): each.requests for each in state.replicas}


def test_it_shows_what_prometheus_has(feed: LiveFeed, topology: Topology, connect: Clients) -> None:
    client = connect("127.0.4.93")
    before = sum(_in_prometheus(topology).values())
    for _ in range(10):
        assert client.post("/predict", json={"sentence": "I am happy"}).status_code == 200

    def agree() -> bool:
        feed.advance()
        state, expected = feed.model.ray, _in_prometheus(topology)
        if state is None or sum(expected.values()) < before + 10:
            return False
        have = Counter(replica.version for replica in state.replicas)
        return _on_screen(state) == expected and have == state.wanted

    assert wait_until(agree, COUNTED_S, 0.5)
    state = feed.model.ray
    assert state is not None
    assert [(node.name, node.up) for node in state.nodes] == [("ray-1", True), ("ray-2", True)]
    assert all(node.cpu is not None and node.mem for node in state.nodes)
    wanted = asked(topology, "ray_serve_autoscaling_target_replicas")
    assert state.wanted == {each["metric"]["application"]: int(each["value"][1]) for each in wanted}
    lines = picture(feed.model, View(120, 60, ASCII), feed.now(), "", None, None).lines
    text = [plain(line) for line in lines]
    assert any("Ray: 2 of 2 nodes; replicas v1 3 of 3, v2 1 of 1" in line for line in text), text
    for (version, node, name), requests in _on_screen(state).items():
        words = [version, name, node, f"{requests:,}"]
        assert any(line.split()[:4] == words for line in text), words
