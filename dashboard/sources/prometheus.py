"""Prometheus: how many of its targets are up, which alerts fire, and what it has of Ray."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from dashboard.events import Event, PrometheusState, SourceName
from dashboard.sources import ray
from dashboard.sources.base import SourceAbsent
from gateway.topology import HOST

TARGETS = "/api/v1/targets?state=active"
RULES = "/api/v1/rules?type=alert"
_TIMEOUT_S = 1.0
# Thousands of targets; what is longer is not our Prometheus.
_MOST_BYTES = 8 << 20
# Labels that say what kind of alert it is, not what it is about.
PAGE, NOTHING = "page", "none"
"""Values of the label `severity` (monitoring/rules)."""
_KIND = frozenset({"alertname", "severity", "job"})


class Prometheus:
    """Asks the HTTP API (https://prometheus.io/docs/prometheus/latest/querying/api/)."""

    name = SourceName.PROMETHEUS
    # As often as it asks its own targets (monitoring/prometheus.yml): it knows no more.
    period_s = 5.0

    def __init__(self, port: int, on_ray: Callable[[], bool] = lambda: False) -> None:
        """`on_ray` says whether there are nodes of Ray to ask about."""
        self._port = port
        self._on_ray = on_ray

    def poll(self, now: float) -> Sequence[Event]:
        """Targets and alerts, nodes and replicas.

        Raises SourceAbsent if nobody listens, ValueError, OSError.
        """
        targets, rules = self._data(TARGETS), self._data(RULES)
        asked = (ray.VALUES, ray.RATES) if self._on_ray() else ()
        answers = [self._data(ray.path(expression)) for expression in asked]
        try:
            events: list[Event] = [state(now, targets, rules)]
            if answers:
                events.append(ray.ray_state(now, *answers))
            return events
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"Prometheus answered in an unknown form ({error!r})") from None

    def close(self) -> None:
        """There is nothing open between two polls."""

    def _data(self, path: str) -> Any:
        with closing(http.client.HTTPConnection(HOST, self._port, timeout=_TIMEOUT_S)) as asked:
            try:
                asked.request("GET", path)
                response = asked.getresponse()
                body = response.read(_MOST_BYTES)
            except ConnectionError:
                raise SourceAbsent(
                    f"Prometheus does not answer on {HOST}:{self._port}: "
                    "see var/logs/prometheus.log"
                ) from None
            except TimeoutError:
                raise TimeoutError(
                    f"Prometheus did not answer within {_TIMEOUT_S:g} s: "
                    "see var/logs/prometheus.log"
                ) from None
            except http.client.HTTPException as error:
                raise ValueError(f"port {self._port} does not speak HTTP ({error!r})") from None
        if response.status != 200:
            raise ValueError(f"Prometheus answered {response.status} to {path}")
        try:
            return json.loads(body)["data"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"port {self._port} is not Prometheus ({error!r})") from None


def state(now: float, targets: Any, rules: Any) -> PrometheusState:
    """What the two answers say. Raises KeyError, TypeError, AttributeError for other forms."""
    active = targets["activeTargets"]
    alerting = [
        rule for group in rules["groups"] for rule in group["rules"] if rule["type"] == "alerting"
    ]
    return PrometheusState(
        now,
        targets_up=sum(target["health"] == "up" for target in active),
        targets=len(active),
        rules=len(alerting),
        firing=tuple(sorted({name for rule in alerting for name, _ in _firing(rule)})),
        paging=tuple(
            sorted(
                {name for rule in alerting for name, severity in _firing(rule) if severity == PAGE}
            )
        ),
    )


def _firing(rule: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """The alerts of a rule that fire, and how severe each is.

    One that is pending may still turn out to be nothing; one of severity `none` says that
    alerting works.
    """
    for alert in rule["alerts"]:
        severity = alert["labels"].get("severity")
        if alert["state"] == "firing" and severity != NOTHING:
            yield _called(str(rule["name"]), alert["labels"]), severity


def _called(name: str, labels: Mapping[str, Any]) -> str:
    """ "InstanceDown v1-2": the instance if it is about one, else whatever tells it apart."""
    if "instance" in labels:
        return f"{name} {labels['instance']}"
    return " ".join([name, *(str(labels[key]) for key in sorted(labels) if key not in _KIND)])
