"""Somebody else takes the port of an instance that is away, and answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.supervisor import Supervisor
from gateway.topology import Topology
from scripts.stack import wait_until
from tests.modules import run_module
from tests.nginx.standin import StandIn
from tests.stack.clients import Clients
from tests.stack.faults.seen import looking
from tests.stack.hurting import stopped
from tests.stack.load import Load

CLIENTS = 8
VICTIM = "v1-3"
ASKED_AGAIN_S = 20.0


@contextmanager
def taken(topology: Topology, calls_itself: str) -> Iterator[StandIn]:
    """Its port, by somebody who answers 200 to everything."""
    port = next(each.port for each in topology.instances if each.name == VICTIM)
    stranger = StandIn(calls_itself, "v1", port)
    stranger.start()
    try:
        yield stranger
    finally:
        stranger.stop()


@pytest.mark.parametrize("calls_itself", ["somebody", ""])
def test_it_is_noticed_and_gets_no_password(
    connect: Clients, supervisor: Supervisor, topology: Topology, root: Path, calls_itself: str
) -> None:
    with looking(root, topology) as seen, Load(connect, CLIENTS) as load:
        seen.wait_for("^(?!.*somebody)")
        before = len(load.answers)

        def strange() -> int:
            return sum(answer.instance not in topology.served for answer in load.answers[before:])

        with stopped(supervisor, VICTIM), taken(topology, calls_itself) as stranger:
            noticed = seen.wait_for(f"^DOWN: .* by somebody who is not {VICTIM}")
            # nginx asks an instance that was away again only after its fail_timeout.
            assert wait_until(lambda: strange() > 0, ASKED_AGAIN_S)
            checked = run_module(root, "dashboard", "check", "--json")
    # Clients see it in X-Instance, and in nothing else.
    assert set(load.outcomes) == {"200"}
    assert stranger.received
    for request in stranger.received:
        assert "authorization" not in request.headers
        assert "YWRtaW46YWRtaW4" not in repr(request)  # admin:admin, as it is sent
    assert checked.returncode == 1, checked.stderr
    found = {each["id"]: each for each in json.loads(checked.stdout)["checks"]}
    bad = [each for each in found.values() if each["outcome"] not in ("passed", "not measured")]
    sys.stderr.write(
        f"stranger {calls_itself!r}: said after {noticed:.1f} s, {strange()} of "
        f"{len(load.answers) - before} answers; check: "
        + "; ".join(f"{each['id']} {each['outcome']}: {each['evidence']}" for each in bad)
        + "\n"
    )
    assert found["processes"]["outcome"] == "failed"
