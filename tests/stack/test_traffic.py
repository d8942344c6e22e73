"""`make traffic` against the running stack: even, limited, exact, and over when it should be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.accesslog import Access, parse
from gateway.supervisor import Process, ProcessStatus, Supervisor, ready
from gateway.topology import Topology
from probes.sources import PER_SOURCE, TRAFFIC_SOURCES
from probes.traffic_run import USER_AGENT
from scripts.stack import alive, wait_until
from tests.modules import run_module

RATE, DURATION = 40, 5
LOG = Path("var/logs/traffic.log")


def traffic(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return run_module(root, "probes.traffic", *options)


def process(supervisor: Supervisor) -> Process:
    return next(found for found in supervisor.processes() if found.name == "traffic")


def over(supervisor: Supervisor) -> bool:
    return process(supervisor).status is ProcessStatus.COMPLETED


def lines(root: Path) -> list[Access]:
    """What the traffic has left in the access log so far."""
    log = (root / "var/logs/access.jsonl").read_bytes()
    found = [parse(line) for line in log.splitlines() if USER_AGENT.encode() in line]
    return [access for access in found if access.user_agent == USER_AGENT]


def summaries(root: Path) -> list[dict[str, object]]:
    """The line of JSON that each run left in the log of the process."""
    said = (root / LOG).read_text().splitlines()
    return [json.loads(line) for line in said if line.startswith("{")]


@pytest.fixture
def quiet(supervisor: Supervisor) -> Iterator[Supervisor]:
    """A stack without traffic, before the test and after it."""
    assert process(supervisor).status in (ProcessStatus.DISABLED, ProcessStatus.COMPLETED)
    yield supervisor
    if not over(supervisor):
        supervisor.stop("traffic")
        assert wait_until(lambda: over(supervisor), 30)


def test_it_is_even_exact_and_within_the_limit(
    quiet: Supervisor, topology: Topology, root: Path
) -> None:
    before = len(lines(root))
    done = traffic(root, f"--rate={RATE}", f"--duration={DURATION}")
    begun = time.monotonic()
    assert done.returncode == 0, done.stderr
    assert "first answer 200" in done.stderr
    assert "make traffic STOP=1" in done.stderr
    v1 = {instance.name for instance in topology.instances if instance.version == "v1"}
    assert wait_until(lambda: {a.instance for a in lines(root)[before:]} >= v1, 30)
    assert ready(quiet.processes()).complete  # what `make start-project` waits for
    assert wait_until(lambda: over(quiet), DURATION + 20)
    assert time.monotonic() - begun > DURATION - 2
    assert process(quiet).exit_code == 0

    sent = lines(root)[before:]
    assert len(sent) == pytest.approx(RATE * DURATION, rel=0.02)
    assert {access.status for access in sent} == {200}
    hits = Counter(access.instance for access in sent)
    assert set(hits) == v1
    users = Counter(access.user_id for access in sent)
    assert users.most_common(1)[0][0] == "u-0001"
    assert len(users) > 50
    homes = {access.user_id: access.remote_addr for access in sent}
    assert {(access.user_id, access.remote_addr) for access in sent} == set(homes.items())
    assert set(homes.values()) <= set(TRAFFIC_SOURCES)
    summary = summaries(root)[-1]
    assert summary["sent"] == len(sent)
    assert summary["answered"] == {"200": len(sent)}
    assert (summary["errors"], summary["missed"]) == (0, 0)


def test_a_fast_one_meets_no_limit_either(quiet: Supervisor, root: Path) -> None:
    before = len(lines(root))
    # Every address sends all that it may.
    assert traffic(root, f"--rate={10 * PER_SOURCE}", "--users=10", "--duration=4").returncode == 0
    assert wait_until(lambda: over(quiet), 30)
    sent = lines(root)[before:]
    assert len({access.remote_addr for access in sent}) == 10
    assert {access.status for access in sent} == {200}
    assert len(sent) == pytest.approx(10 * PER_SOURCE * 4, rel=0.02)


@pytest.mark.parametrize("way", ["signal", "api", "command"])
def test_it_stops_at_once_when_told(quiet: Supervisor, root: Path, way: str) -> None:
    count = len(summaries(root))
    assert traffic(root, "--duration=600").returncode == 0
    found = process(quiet)
    if way == "signal":
        os.kill(found.pid, signal.SIGTERM)
    elif way == "api":
        quiet.stop("traffic")
    else:
        assert traffic(root, "--stop").returncode == 0
    assert wait_until(lambda: not alive(found.pid), 30)
    assert wait_until(lambda: over(quiet), 30)
    assert process(quiet).exit_code == 0
    assert ready(quiet.processes()).complete
    assert wait_until(lambda: len(summaries(root)) == count + 1, 30)
    assert summaries(root)[-1]["errors"] == 0


def test_other_values_replace_what_runs(quiet: Supervisor, root: Path) -> None:
    assert traffic(root, "--duration=600").returncode == 0
    first = process(quiet)
    done = traffic(root, "--rate=5", "--users=3", "--duration=600")
    assert done.returncode == 0, done.stderr
    assert "it runs already" in done.stderr
    assert "5 requests/s by 3 users" in done.stderr
    assert not alive(first.pid)
    assert process(quiet).status is ProcessStatus.RUNNING


def test_a_damaged_file_is_named(quiet: Supervisor, root: Path) -> None:
    (root / "var/traffic.json").write_text('{"rate": ')
    quiet.start("traffic")
    try:
        assert wait_until(lambda: over(quiet) and process(quiet).exit_code == 2, 30)
        assert "var/traffic.json: not JSON: run `make traffic`" in (root / LOG).read_text()
    finally:
        # A run that ends well: a failed process would hold up whoever asks for readiness.
        assert traffic(root, "--duration=1").returncode == 0
        assert wait_until(lambda: over(quiet) and process(quiet).exit_code == 0, 30)
