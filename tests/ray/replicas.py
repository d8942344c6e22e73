"""The replicas on Ray: as the doors know them, and as Prometheus does."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import httpx

from gateway.topology import Topology
from scripts.stack import wait_until

PRESENT = "last_over_time(ray_serve_replica_processing_queries[15s])"
"""Each replica that runs, or did so in one of the last scrapes."""
_FOUND_S = 60.0


def models(topology: Topology, version: str, count: int) -> dict[str, str]:
    """The digest of the model that each replica of a version serves, once `count` have answered."""
    door = next(each for each in topology.instances if each.version == version)
    found: dict[str, str] = {}
    with httpx.Client(base_url=f"http://{door.address}") as client:

        def ask() -> bool:
            with suppress(httpx.HTTPError):  # a door behind which nobody is closes
                answer = client.get("/healthz")
                answer.raise_for_status()
                found[answer.headers["x-instance"]] = answer.json()["model"]
            return len(found) >= count

        assert wait_until(ask, _FOUND_S, 0.05), found
    return found


def asked(topology: Topology, expression: str) -> list[dict[str, Any]]:
    """The series that Prometheus has for it now."""
    url = f"http://127.0.0.1:{topology.prometheus_port}/api/v1/query"
    return list(httpx.get(url, params={"query": expression}).json()["data"]["result"])
