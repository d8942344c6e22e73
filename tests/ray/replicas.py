"""The replicas on Ray behind the doors."""

from __future__ import annotations

from contextlib import suppress

import httpx

from gateway.topology import Topology
from scripts.stack import wait_until

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
