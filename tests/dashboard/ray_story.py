"""The workspace on two nodes of Ray, as its sources tell it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dashboard.events import (
    Event,
    RayNode,
    RayReplica,
    RayState,
    SourceName,
    SourceState,
    SourceStatus,
)
from gateway.supervisor import Process
from tests.dashboard.drill_story import everything
from tests.dashboard.stories import START, busy_minute, process

NODES = (RayNode("ray-1", True, 57.4, 3_730_440_192), RayNode("ray-2", True, 12.0, 812 << 20))
REPLICAS = (
    RayReplica("v1", "4lr2j83i", "ray-1", 1234, 0, 12.34, 2),
    RayReplica("v1", "v8xnvu9z", "ray-1", 1198, 3, 11.98, 0),
    RayReplica("v1", "wki241wr", "ray-2", 1201, 0, 12.01, 1),
    RayReplica("v2", "4zo2ms42", "ray-2", 87, 0, 0.87, 0),
)
WELL = RayState(START, NODES, REPLICAS, {"v1": 3, "v2": 1})
LOST = replace(WELL, nodes=(NODES[0], RayNode("ray-2", False, None, None)), replicas=REPLICAS[:2])
"""The second node is gone, with its replicas."""


def node(name: str, *, ready: bool = True, age: float = 3725.0) -> Process:
    """The process of a node."""
    return replace(process(name, ready=ready, age=age), namespace="ray")


def on_ray(at: float, state: RayState | None, *changed: Process) -> Iterator[Event]:
    """All processes and both nodes, and what Prometheus has of them."""
    yield everything(at, node("ray-1"), node("ray-2"), *changed)
    yield SourceStatus(at, SourceName.PROCESSES, SourceState.FRESH)
    if state is not None:
        yield replace(state, at=at)
        yield SourceStatus(at, SourceName.PROMETHEUS, SourceState.FRESH)


def lost_node() -> Iterator[Event]:
    """A busy minute; four seconds before its end the second node was killed."""
    yield from busy_minute()
    yield from on_ray(START + 86.9, WELL)
    yield from on_ray(START + 90.9, LOST, node("ray-2", ready=False, age=2.0))
