"""What Prometheus has of a Ray cluster, and that nobody asks where there is none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dashboard.events import PrometheusState, RayNode, RayReplica, RayState, SourceState
from dashboard.feed import live_sources
from dashboard.sources.base import ask
from dashboard.sources.prometheus import RULES, TARGETS, Prometheus
from dashboard.sources.ray import RATES, VALUES, ray_state
from dashboard.sources.supervisor import ProcessList
from gateway.settings import load_settings
from gateway.supervisor import Supervisor
from gateway.topology import load_topology
from tests.dashboard.drill_story import everything
from tests.dashboard.ray_story import node
from tests.dashboard.standins import answering
from tests.dashboard.stories import START, WORKSPACE

REPOSITORY = Path(__file__).resolve().parents[2]
EMPTY: dict[str, Any] = {"activeTargets": [], "groups": []}


def series(name: str, value: str, **labels: str) -> dict[str, Any]:
    """As in the answers of Prometheus 2.42."""
    metric = {"__name__": f"ray_{name}", "job": "ray", "instance": "127.0.0.1:8713", **labels}
    return {"metric": metric, "value": [1795540449.036, value]}


def up(name: str, value: str) -> dict[str, Any]:
    return {"metric": {"__name__": "up", "job": "ray", "node": name}, "value": [1.5, value]}


FIRST = {"application": "v1", "deployment": "v1", "node": "ray-1", "replica": "4lr2j83i"}
SECOND = {"application": "v2", "deployment": "v2", "node": "ray-1", "replica": "4zo2ms42"}
ENDED = FIRST | {"replica": "ended123"}
PREDICTIONS = {"route": "/v1/predict"}
ANSWERED = {
    "result": [
        up("ray-2", "0"),
        up("ray-1", "1"),
        series("node_cpu_utilization", "57.4", node="ray-1", RayNodeType="head"),
        series("node_mem_used", "3730440192", node="ray-1", RayNodeType="head"),
        series("serve_autoscaling_target_replicas", "3", **{**FIRST, "replica": ""}),
        series("serve_autoscaling_target_replicas", "1", **{**SECOND, "replica": ""}),
        series("serve_deployment_request_counter_total", "1234", **FIRST, **PREDICTIONS),
        series("serve_deployment_request_counter_total", "99", **ENDED, **PREDICTIONS),
        series("serve_deployment_error_counter_total", "2", **FIRST, **PREDICTIONS, kind="a"),
        series("serve_deployment_error_counter_total", "1", **FIRST, **PREDICTIONS, kind="b"),
        series("serve_replica_processing_queries", "0", **SECOND),
        series("serve_replica_processing_queries", "2", **FIRST),
    ]
}
SPEED = {"result": [{"metric": FIRST, "value": [1.5, "12.35"]}]}
STATE = RayState(
    START,
    (RayNode("ray-1", True, 57.4, 3730440192), RayNode("ray-2", False, None, None)),
    (
        RayReplica("v1", "4lr2j83i", "ray-1", 1234, 3, 12.35, 2),
        RayReplica("v2", "4zo2ms42", "ray-1", 0, 0, 0.0, 0),
    ),
    {"v1": 3, "v2": 1},
)


class StandIn:
    """Prometheus, with the cluster above."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, path: str) -> bytes:
        query = parse_qs(urlsplit(path).query).get("query", [path])[0]
        self.asked.append(query)
        return json.dumps({"data": {VALUES: ANSWERED, RATES: SPEED}.get(query, EMPTY)}).encode()


def test_replicas_that_have_ended_are_not_shown() -> None:
    assert ray_state(START, ANSWERED, SPEED) == STATE


def test_nobody_asks_where_there_is_no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """process-compose says whether there is, in the sources of a running workspace."""
    declared = load_topology(REPOSITORY, load_settings(REPOSITORY, {}))
    processes = everything(START).processes
    monkeypatch.setattr(Supervisor, "processes", lambda _: processes)
    prometheus = StandIn()
    with answering(prometheus) as port:
        topology = replace(declared, prometheus_port=port)
        sources = list(live_sources(REPOSITORY, topology, WORKSPACE))
        listed = next(each for each in sources if isinstance(each, ProcessList))
        watched = next(each for each in sources if isinstance(each, Prometheus))
        listed.poll(START)
        assert [type(event) for event in watched.poll(START)] == [PrometheusState]
        assert prometheus.asked == [TARGETS, RULES]
        processes = everything(START, node("ray-1")).processes
        listed.poll(START)
        assert list(watched.poll(START))[1:] == [STATE]
        assert prometheus.asked[2:] == [TARGETS, RULES, VALUES, RATES]


@pytest.mark.parametrize(
    "result",
    [7, [7], [{"metric": {}, "value": [1, "1"]}], [up("ray-1", "x")], [{"metric": {}}]],
)
def test_another_form_is_named_and_ends_nothing(result: Any) -> None:
    def other(path: str) -> bytes:
        return json.dumps({"data": {"result": result} if "query" in path else EMPTY}).encode()

    with answering(other) as port:
        events, ok = ask(Prometheus(port, lambda: True), lambda: START)
    assert not ok
    assert [getattr(event, "state", None) for event in events] == [SourceState.FAILING]
