"""Every panel of every dashboard shows something, asked of the live Prometheus under traffic."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.supervisor import Supervisor
from gateway.topology import Topology
from scripts.stack import wait_until
from tests.stack.clients import Clients
from tests.stack.load import Load

DASHBOARDS = "monitoring/grafana/dashboards"
VARIABLES = {"$__rate_interval": "20s", "$__range": "15m", "$__interval": "5s"}
"""As Grafana fills them in for a scrape interval of 5 s and a picture of 15 minutes."""
CLIENTS = 8


class Panels:
    """What a Prometheus answers to the queries of the dashboards."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def problem(self, expr: str) -> str:
        """What a panel with this query would show instead of numbers; "" if it shows some."""
        for name, value in VARIABLES.items():
            expr = expr.replace(name, value)
        if "$" in expr:
            return "a variable that nobody fills in"
        answer = self._client.get("/api/v1/query", params={"query": expr}).json()
        if answer["status"] != "success":
            return str(answer["error"])
        found = [float(series["value"][1]) for series in answer["data"]["result"]]
        if not found:
            return "nothing"
        return "only NaN" if all(map(math.isnan, found)) else ""

    def problems(self, root: Path) -> list[str]:
        """A line for each query that shows nothing."""
        return [
            f"{path.stem}: {panel['title']}: {problem}: {target['expr']}"
            for path in sorted((root / DASHBOARDS).glob("*.json"))
            for panel in json.loads(path.read_text())["panels"]
            for target in panel["targets"]
            if (problem := self.problem(target["expr"]))
        ]


@pytest.fixture
def panels(supervisor: Supervisor, topology: Topology) -> Iterator[Panels]:
    url = f"http://127.0.0.1:{topology.prometheus_port}"
    with httpx.Client(base_url=url, timeout=10) as client:
        yield Panels(client)


@pytest.mark.parametrize(
    ("expr", "problem"),
    [
        ("gateway_request_total", "nothing"),
        ("rate(gateway_requests_total)", "expected type range vector"),
        ("up{instance=~'$instance'}", "a variable"),
        ("vector(0) / 0", "only NaN"),
        ("rate(gateway_requests_total[$__rate_interval]) >= 0 or vector(1)", ""),
    ],
)
def test_the_checker_finds_what_would_be_empty(panels: Panels, expr: str, problem: str) -> None:
    found = panels.problem(expr)
    assert problem in found
    assert bool(found) == bool(problem)


def test_no_panel_is_empty_under_traffic(
    panels: Panels, connect: Clients, root: Path, trying: Callable[..., Any]
) -> None:
    trying(weight=40, shadow=50, drained="v1-2")
    left: list[str] = []

    def complete() -> bool:
        left[:] = panels.problems(root)
        return not left

    with Load(connect, CLIENTS, users_each=40) as load:
        load.wait_for_everybody()
        # A login that is wrong, for the panel of what is turned away.
        assert connect("127.0.1.77", login=("admin", "wrong")).post("/predict").status_code == 401
        # Rates need four scrapes, the budgets a minute.
        assert wait_until(complete, 90), "\n".join(left)
