"""A full disk below var/, and a process-compose that hangs or is killed: requests go on."""

from __future__ import annotations

import os
import signal
import sys
import time

import httpx
import pytest

from dashboard.events import SourceName, SourceState
from scripts import leftovers
from scripts.stack import alive, wait_until
from tests.stack.clients import Clients
from tests.stack.faults.apart import Apart
from tests.stack.faults.seen import Seen, looking
from tests.stack.hurting import frozen, process, wait_for_another
from tests.stack.load import Load

CLIENTS = 8


def problem(clone: Apart, what: str) -> bool:
    """Whether the exporter says that it has one."""
    url = f"http://127.0.0.1:{clone.topology.exporter_port}/metrics"
    return f'gateway_exporter_problem{{what="{what}"}} 1.0' in httpx.get(url).text


def asks(clone: Apart) -> bool:
    """Whether Prometheus has stored something in the last seconds."""
    url = f"http://127.0.0.1:{clone.topology.prometheus_port}/api/v1/query"
    try:
        found = httpx.get(url, params={"query": "timestamp(up)"}).json()["data"]["result"]
    except httpx.HTTPError:
        return False
    return any(float(each["value"][1]) > time.time() - 6 for each in found)


def test_a_full_disk_costs_lines_and_no_request(clone: Apart, reach: Clients) -> None:
    disk = clone.disk
    if disk is None:
        pytest.skip("NOT COVERED: no mount namespaces here, so no small disk")
    with looking(clone.seen_root, clone.topology) as seen, Load(reach, CLIENTS) as load:
        load.wait_for_everybody()
        assert wait_until(lambda: asks(clone), 30)
        disk.fill()
        sent = len(load.answers)
        noticed = seen.wait_for("DEGRADED: .*the disk is full")
        assert wait_until(lambda: problem(clone, "state"), 30)
        victim = process(clone.supervisor, "v1-1").pid
        os.kill(victim, signal.SIGKILL)
        wait_for_another(clone.supervisor, "v1-1", victim)
        for words in (
            ("dashboard", "canary", "10"),
            ("dashboard", "rollout", "start"),
            ("services.adopt", "var/models/v1/model.joblib", "--slot", "v2", "--yes"),
        ):
            refused = clone.run(*words)
            assert refused.returncode not in (0, 130), (words, refused.stdout)
            assert "No space left" in refused.stderr.splitlines()[-1], refused.stderr
        lost = len(load.answers) - sent
        disk.make_room()
        begun = time.monotonic()
        seen.wait_for("^OK")
        assert wait_until(lambda: not problem(clone, "state"), 30)
        assert wait_until(lambda: asks(clone), 30)
        back = time.monotonic() - begun
        load.wait_for_everybody()
        lines, answered = clone.lines(), len(load.answers)
        load.wait_for_everybody()
    assert set(load.outcomes) == {"200"}
    assert wait_until(lambda: clone.lines() - lines >= len(load.answers) - answered - CLIENTS, 30)
    changed = clone.run("dashboard", "canary", "10")
    assert changed.returncode == 0, changed.stderr
    assert clone.run("dashboard", "canary", "off").returncode == 0
    sys.stderr.write(
        f"full disk: said after {noticed:.1f} s, well {back:.1f} s after there was room, "
        f"up to {lost} lines lost\n"
    )


def is_missed(seen: Seen) -> bool:
    """Whether the dashboard says that process-compose is gone."""
    seen.says()
    return seen.model.statuses[SourceName.PROCESSES].state is SourceState.ABSENT


def test_nobody_needs_process_compose_to_be_answered(clone: Apart, reach: Clients) -> None:
    (supervisor,) = leftovers.supervisors(clone.root)
    with looking(clone.seen_root, clone.topology) as seen, Load(reach, CLIENTS) as load:
        with frozen(supervisor.pid):
            load.wait_for(10 * CLIENTS)
            sys.stderr.write(f"process-compose frozen: {seen.says()}\n")
        os.kill(supervisor.pid, signal.SIGKILL)
        assert wait_until(lambda: not alive(supervisor.pid), 30)
        load.wait_for(10 * CLIENTS)
        assert seen.says().startswith("OK"), seen.says()
        assert wait_until(lambda: is_missed(seen), 30)
    assert set(load.outcomes) == {"200"}
    begun = time.monotonic()
    again = clone.start()
    assert again.returncode == 0, again.stderr
    assert "ending what a killed process-compose left behind" in again.stderr
    sys.stderr.write(f"process-compose killed: all anew {time.monotonic() - begun:.1f} s\n")
