"""When a node of Ray passes for ready: its raylet runs, and it could serve without the other."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.nginx.gateway_copy import REPOSITORY
from tests.services.on_ray.nodes import Answer, Node

SERVES: Answer = (200, b"success")
NO_ROUTES: Answer = (503, b"")
DOWN = None


@pytest.fixture
def three() -> Iterator[list[Node]]:
    """The agent of the node, its Serve proxy and that of the other node."""
    nodes = [Node(), Node(), Node()]
    yield nodes
    for node in nodes:
        node.stop()


def start(node: Node, answer: Answer) -> None:
    """It listens and gives this answer, unless it is down."""
    if answer is not DOWN:
        node.answer = lambda _: answer
        node.start()


@pytest.mark.parametrize(
    ("agent", "own", "other", "expected"),
    [
        pytest.param(SERVES, SERVES, SERVES, True, id="both serve"),
        pytest.param(SERVES, SERVES, DOWN, True, id="it serves, the other is lost"),
        pytest.param(SERVES, DOWN, SERVES, False, id="it is back, its proxy is not"),
        pytest.param(SERVES, NO_ROUTES, SERVES, False, id="its proxy knows no routes yet"),
        pytest.param(SERVES, DOWN, DOWN, True, id="nothing is deployed yet"),
        pytest.param(SERVES, NO_ROUTES, NO_ROUTES, True, id="neither has routes"),
        pytest.param((503, b""), SERVES, SERVES, False, id="the raylet is gone"),
        pytest.param(DOWN, SERVES, SERVES, False, id="the agent is gone"),
    ],
)
def test_ready(
    three: list[Node], agent: Answer, own: Answer, other: Answer, expected: bool
) -> None:
    for node, answer in zip(three, (agent, own, other), strict=True):
        start(node, answer)
    ports = [str(node.port) for node in three]
    # A proxy of the environment would be asked in their place.
    environ = {**os.environ, "http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}
    command = ["sh", str(REPOSITORY / "services/on_ray/node_ready.sh"), *ports]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30)
    assert (done.returncode == 0, done.stdout, done.stderr) == (expected, "", "")
    asked = [{each.path for each in node.asked} for node in three]
    assert asked[0] <= {"/api/local_raylet_healthz"}
    assert asked[1] | asked[2] <= {"/-/healthz"}
