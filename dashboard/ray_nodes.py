"""The nodes of a Ray cluster: which of them are well, by whoever knows. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.events import RayNode, RayState, SourceName
from dashboard.freshness import STALE_AFTER_S, is_stale, not_ready_for
from dashboard.lines import safe
from dashboard.model import Model
from dashboard.process_state import Life, life
from gateway.supervisor import RAY


@dataclass(frozen=True, slots=True)
class Node:
    """A node, and what its machine has to do."""

    name: str
    life: Life
    cpu: float | None
    """Per cent of all cores of its machine; None if nobody knows."""
    mem: int | None
    """Bytes in use on its machine; None if nobody knows."""

    @property
    def is_out(self) -> bool:
        """Whether it is known not to take part."""
        return self.life not in (Life.READY, Life.UNKNOWN)


def on_ray(model: Model) -> bool:
    """Whether the services run on a Ray cluster."""
    return any(process.namespace == RAY for process in model.processes.values())


def measured(model: Model, now: float) -> RayState | None:
    """What Prometheus has of the cluster, None if that is no longer the present."""
    state = model.ray
    if state is None or is_stale(model, SourceName.PROMETHEUS, now):
        return None
    return state if now - state.at <= STALE_AFTER_S[SourceName.PROMETHEUS] else None


def nodes(model: Model, now: float) -> tuple[Node, ...]:
    """Every node by name; none where the services do not run on Ray.

    process-compose knows at once that one is gone, Prometheus after some seconds; but nodes on
    other machines only Prometheus knows.
    """
    if not on_ray(model):
        return ()
    state = measured(model, now)
    seen = {} if state is None else {node.name: node for node in state.nodes}
    ours = {name for name, process in model.processes.items() if process.namespace == RAY}
    return tuple(_node(model, now, name, seen.get(name)) for name in sorted(ours | seen.keys()))


def lost_nodes(model: Model, now: float) -> str | None:
    """Which nodes are out and which are left, in words; None if all are well."""
    found = nodes(model, now)
    out = [
        f"{safe(node.name, 60)} {node.life.word}{not_ready_for(model, node.name, now)}"
        for node in found
        if node.is_out
    ]
    if not out:
        return None
    left = " and ".join(safe(node.name, 60) for node in found if not node.is_out)
    return f"{', '.join(out)}; replicas are left on {left or 'no node'}"


def _node(model: Model, now: float, name: str, seen: RayNode | None) -> Node:
    cpu, mem = (None, None) if seen is None else (seen.cpu, seen.mem)
    process = model.processes.get(name)
    if process is not None and not is_stale(model, SourceName.PROCESSES, now):
        return Node(name, life(process), cpu, mem)
    if seen is None:
        return Node(name, Life.UNKNOWN, cpu, mem)
    return Node(name, Life.READY if seen.up else Life.NOT_READY, cpu, mem)
