"""What to ask Prometheus about the nodes of a Ray cluster, and what its answers mean.

The metrics are Ray's own (https://docs.ray.io/en/latest/serve/monitoring.html);
monitoring/prometheus.yml keeps those that are read here. `application` is the version that is
served, `node` the name that `make start-ray` gives the target.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any
from urllib.parse import urlencode

from dashboard.events import RayNode, RayReplica, RayState

_REQUESTS = "ray_serve_deployment_request_counter_total"
_ERRORS = "ray_serve_deployment_error_counter_total"
_IN_FLIGHT = "ray_serve_replica_processing_queries"
_WANTED = "ray_serve_autoscaling_target_replicas"
_CPU = "ray_node_cpu_utilization"
_MEM = "ray_node_mem_used"

_SERIES = (
    f'{{job="ray",__name__=~"up|{_REQUESTS}|{_ERRORS}|{_IN_FLIGHT}|{_WANTED}|{_CPU}|{_MEM}",'
    'route=~"(.+/predict)?"}'
)
"""Of requests only those for a prediction: probes are requests, too."""
VALUES = f"{_SERIES} and last_over_time({_SERIES}[15s])"
"""The value of each in the last scrape. Without the second half Prometheus would answer with the
replicas of an earlier cluster for 5 minutes, where it was stopped together with that one."""
RATES = (
    f'sum by (node, application, replica) (rate({_REQUESTS}{{job="ray",route=~".+/predict"}}[20s]))'
)
"""Over four scrapes, the least that says something."""

_Replica = tuple[str, str, str]
"""Version, node and name."""


def path(expression: str) -> str:
    """Where the API of Prometheus answers `expression` as of now."""
    return f"/api/v1/query?{urlencode({'query': expression})}"


def ray_state(now: float, values: Any, rates: Any) -> RayState:
    """What the answers to VALUES and RATES say.

    Raises KeyError, TypeError, AttributeError or ValueError for other forms.
    """
    found: defaultdict[str, list[tuple[dict[str, str], float]]] = defaultdict(list)
    for series in values["result"]:
        found[series["metric"]["__name__"]].append((series["metric"], _number(series)))
    cpu, mem = ({labels["node"]: value for labels, value in found[name]} for name in (_CPU, _MEM))
    nodes = sorted((labels["node"], value == 1) for labels, value in found["up"])
    requests, errors = _by_replica(found[_REQUESTS]), _by_replica(found[_ERRORS])
    speed = {_replica(series["metric"]): _number(series) for series in rates["result"]}
    # A node goes on telling what replicas answered that have ended since, but not what they do.
    present = sorted((_replica(labels), round(value)) for labels, value in found[_IN_FLIGHT])
    return RayState(
        now,
        tuple(
            RayNode(name, up, cpu.get(name), None if name not in mem else round(mem[name]))
            for name, up in nodes
        ),
        tuple(
            RayReplica(
                version=each[0],
                name=each[2],
                node=each[1],
                requests=requests[each],
                errors=errors[each],
                rate=speed.get(each, 0.0),
                in_flight=in_flight,
            )
            for each, in_flight in present
        ),
        {labels["application"]: round(value) for labels, value in found[_WANTED]},
    )


def _number(series: dict[str, Any]) -> float:
    return float(series["value"][1])


def _replica(labels: dict[str, str]) -> _Replica:
    return labels["application"], labels["node"], labels["replica"]


def _by_replica(series: list[tuple[dict[str, str], float]]) -> Counter[_Replica]:
    """The sum for each: there may be a series for each route, and kind of error."""
    counted: Counter[_Replica] = Counter()
    for labels, value in series:
        counted[_replica(labels)] += round(value)
    return counted
