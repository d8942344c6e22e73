"""What Prometheus says, and what is said when it says nothing or something else."""

from __future__ import annotations

import json
import socket
import time

import pytest

from dashboard.events import PrometheusState, SourceState, SourceStatus
from dashboard.sources.base import SourceAbsent, ask
from dashboard.sources.prometheus import Prometheus, state
from tests.dashboard.standins import answering
from tests.dashboard.stories import START


def clock() -> float:
    return START


def test_without_prometheus_there_are_no_alerts() -> None:
    with answering(b"") as port:
        pass
    with pytest.raises(SourceAbsent, match=f"127.0.0.1:{port}"):
        Prometheus(port).poll(START)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"Service Unavailable", 503, "answered 503 to /api/v1/targets"),
        (b"<html>", 200, "is not Prometheus"),
        (b"[]", 200, "is not Prometheus"),
        (b'{"data": {"activeTargets": 1, "groups": []}}', 200, "unknown form"),
        (b'{"data": {"activeTargets": [], "groups": [{"rules": [7]}]}}', 200, "unknown form"),
    ],
)
def test_what_is_not_prometheus_is_named(body: bytes, status: int, words: str) -> None:
    with answering(body, status) as port:
        events, ok = ask(Prometheus(port), clock)
    assert not ok
    assert isinstance(events[-1], SourceStatus)
    assert events[-1].state is SourceState.FAILING
    assert words in events[-1].detail


def alert(firing: str, **labels: str) -> dict[str, object]:
    """As in the answers of Prometheus 2.42."""
    return {"state": firing, "labels": labels, "annotations": {}, "value": "1e+00"}


TARGETS = {"activeTargets": [{"health": "up"}, {"health": "down"}, {"health": "unknown"}]}
RULES = {
    "groups": [
        {
            "rules": [
                {"type": "recording", "name": "job:rate", "health": "ok"},
                {
                    "type": "alerting",
                    "name": "InstanceDown",
                    "alerts": [
                        alert("firing", alertname="InstanceDown", instance="v1-2", version="v1"),
                        alert("pending", alertname="InstanceDown", instance="v1-3", version="v1"),
                    ],
                },
            ]
        },
        {
            "rules": [
                {
                    "type": "alerting",
                    "name": "Errors",
                    "alerts": [alert("firing", alertname="Errors", version="v2", severity="page")],
                },
                {
                    "type": "alerting",
                    "name": "Slow",
                    "alerts": [alert("firing", alertname="Slow", job="gateway")],
                },
                {"type": "alerting", "name": "Quiet", "alerts": []},
                {
                    "type": "alerting",
                    "name": "Watchdog",
                    "alerts": [alert("firing", alertname="Watchdog", severity="none")],
                },
            ]
        },
    ]
}


def test_prometheus_says_what_is_up_and_what_fires() -> None:
    firing = ("Errors v2", "InstanceDown v1-2", "Slow")
    assert state(START, TARGETS, RULES) == PrometheusState(START, 1, 3, 5, firing, ("Errors v2",))
    body = json.dumps({"status": "success", "data": {**TARGETS, **RULES}}).encode()
    with answering(body) as port:
        assert Prometheus(port).poll(START) == [
            PrometheusState(START, 1, 3, 5, firing, ("Errors v2",))
        ]


def test_a_prometheus_that_hangs_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        events, ok = ask(Prometheus(silent.getsockname()[1]), clock)
    assert not ok
    assert time.monotonic() - begun < 5
    assert isinstance(events[-1], SourceStatus)
    assert "did not answer within 1 s" in events[-1].detail
