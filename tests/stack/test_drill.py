"""The kill drill on the real stack."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from gateway.supervisor import Supervisor
from gateway.topology import Topology
from probes.drill_target import Fault, Refused, choose, is_up
from probes.workspace import load_workspace
from scripts.stack import search_path, wait_until
from tests.modules import run_module
from tests.stack import hurting


def command(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_module(root, "probes.drill", *arguments)


def pids(supervisor: Supervisor) -> dict[str, int]:
    return {each.name: each.pid for each in supervisor.processes()}


def test_a_kill_costs_no_request(supervisor: Supervisor, root: Path) -> None:
    before = pids(supervisor)
    done = command(root, "--yes", "--json", "--instance", "v1-2")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    jsonschema.validate(report, json.loads((root / "probes/drill.schema.json").read_text()))
    assert report["outcome"] == "passed"
    assert (report["victim"], report["pid"]) == ("v1-2", before["v1-2"])
    assert report["lost"] == 0
    assert report["fault"] == "kill"
    assert 0 <= report["detected_s"] <= report["ready_again_s"]
    assert report["statuses"] == {"200": report["sent"]}
    assert report["retries"] >= 1
    assert 0 <= report["failover_s"] < report["ready_again_s"] <= report["serving_again_s"]
    after = pids(supervisor)
    assert after.pop("v1-2") != before.pop("v1-2")
    assert after == before
    assert "v1-2 is ready again" in done.stderr


def test_without_a_yes_nothing_is_killed(supervisor: Supervisor, root: Path) -> None:
    before = pids(supervisor)
    done = command(root)
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert "nothing was killed" in done.stderr
    assert done.stdout == ""
    assert pids(supervisor) == before


@pytest.mark.parametrize("answer", [b"n\n", b"\n", b"\x04"])
def test_on_a_terminal_a_person_is_asked(supervisor: Supervisor, root: Path, answer: bytes) -> None:
    before = pids(supervisor)
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "probes.drill"],
        cwd=root,
        env={**os.environ, "PATH": search_path(root)},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        os.write(ours, answer)
        _, err = process.communicate(timeout=30)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 2
    assert f"kill -9 v1-1 (pid {before['v1-1']})".encode() in err
    assert b"nothing was killed" in err
    assert pids(supervisor) == before


def test_a_drill_is_refused_unless_all_are_ready(supervisor: Supervisor, root: Path) -> None:
    before = pids(supervisor)
    with hurting.stopped(supervisor, "v1-3"):
        done = command(root, "--yes")
        assert done.returncode == 3
        assert "refused: not ready: v1-3" in done.stderr
        assert pids(supervisor)["v1-1"] == before["v1-1"]


def test_whom_it_may_hit(supervisor: Supervisor, topology: Topology, root: Path) -> None:
    workspace = load_workspace(root, {})
    with pytest.raises(
        ValueError, match=r"no 'v1-9' to kill; there are v1-1, .*v2-1, nginx-worker"
    ):
        choose(workspace, "v1-9")
    with pytest.raises(ValueError, match="nothing would bring back a frozen nginx"):
        choose(workspace, "nginx", Fault.FREEZE)
    # There is none, so its engine ends soon after the start.
    assert wait_until(lambda: not is_up(hurting.process(supervisor, "rollout")), 30)
    with pytest.raises(Refused, match="not ready: rollout"):
        choose(workspace, "rollout")
    assert choose(workspace).instance == topology.instances[0]
    assert not choose(workspace, "v2-1").stable
    assert choose(workspace, "nginx-worker").pid != choose(workspace, "nginx").pid


def test_an_interrupted_drill_says_so(supervisor: Supervisor, root: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "probes.drill", "--yes"],
        cwd=root,
        env={**os.environ, "PATH": search_path(root)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert "load begun" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "interrupted" in err
    assert out == ""
    names = ("v1-1", "v1-2", "v1-3")
    assert wait_until(lambda: all(hurting.process(supervisor, name).is_ready for name in names), 30)
