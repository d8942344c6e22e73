"""The state of a Ray cluster, as a recording keeps it."""

from __future__ import annotations

from typing import Any

from dashboard.events import RayNode, RayReplica, RayState


def ray_to_json(event: RayState) -> dict[str, Any]:
    """As plain values, but for kind and time."""
    return {
        "nodes": [node._asdict() for node in event.nodes],
        "replicas": [replica._asdict() for replica in event.replicas],
        "wanted": dict(event.wanted),
    }


def ray_from_json(at: float, value: dict[str, Any]) -> RayState:
    """The inverse. Raises ValueError, KeyError, TypeError, AttributeError."""
    return RayState(
        at,
        tuple(map(_node, value["nodes"])),
        tuple(map(_replica, value["replicas"])),
        {str(version): int(number) for version, number in value["wanted"].items()},
    )


def _node(value: dict[str, Any]) -> RayNode:
    cpu, mem = value["cpu"], value["mem"]
    return RayNode(
        name=str(value["name"]),
        up=bool(value["up"]),
        cpu=None if cpu is None else float(cpu),
        mem=None if mem is None else int(mem),
    )


def _replica(value: dict[str, Any]) -> RayReplica:
    return RayReplica(
        version=str(value["version"]),
        name=str(value["name"]),
        node=str(value["node"]),
        requests=int(value["requests"]),
        errors=int(value["errors"]),
        rate=float(value["rate"]),
        in_flight=int(value["in_flight"]),
    )
