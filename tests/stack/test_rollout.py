"""Rollouts of the running stack: two releases in a row, an engine killed, a v2 that dies."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import jsonschema
import pytest

from gateway.canary import Experiment, read_experiment, write_experiment
from gateway.supervisor import ProcessStatus, Supervisor
from gateway.topology import Topology
from rollout.baseline import digest_of
from rollout.record import explain
from rollout.state import Phase
from rollout.status import Status
from rollout.store import read_log
from scripts.stack import wait_until
from tests.modules import run_module
from tests.stack.books import Books
from tests.stack.clients import Clients
from tests.stack.hurting import process, stopped, wait_for_another
from tests.stack.load import Load

POLICY = """\
shadow: {percent: 50, min_pairs: 50, min_time: 1s, agreement_floor: 0}
steps:
  - {weight: 25, min_users: 10, min_time: 2s}
  - {weight: 100, min_users: 20, min_time: 2s}
warm_up: 1s
max_wait: 2m
"""
SLOW_POLICY = POLICY.replace("min_time: 2s", "min_time: 100s")
CLIENTS = 8
SCHEMA = json.loads(Path("rollout/status.schema.json").read_text(encoding="utf-8"))


def run(*words: str, code: int = 0) -> str:
    """What a person types; its stdout."""
    done = run_module(Path.cwd(), *words)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def rollout(*words: str, code: int = 0) -> str:
    return run("dashboard", "rollout", *words, code=code)


def status() -> Status:
    value = json.loads(rollout("status", "--json"))
    jsonschema.Draft202012Validator(SCHEMA).validate(value)
    return Status.from_json(value)


def reached(root: Path, phase: Phase, weight: int | None = None) -> bool:
    state = read_log(root).state
    return state is not None and state.phase is phase and weight in (None, state.weight)


def models(topology: Topology) -> dict[str, str]:
    return {
        each.name: httpx.get(f"http://{each.address}/healthz").json()["model"]
        for each in topology.instances
    }


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "fast.yaml"
    path.write_text(POLICY)
    return path


@pytest.fixture
def restored(
    root: Path, supervisor: Supervisor, topology: Topology, tmp_path: Path
) -> Iterator[None]:
    """Models, weight and decision log as they were, afterwards."""
    saved = tmp_path / "models"
    shutil.copytree(root / "var/models", saved)
    before = models(topology)
    yield
    state = read_log(root).state
    if state is not None and not state.ended:
        rollout("abort")
    if _lives(supervisor):
        supervisor.stop("rollout")
        assert wait_until(lambda: not _lives(supervisor), 30)
    write_experiment(root, Experiment())
    shutil.rmtree(root / "var/rollout", ignore_errors=True)
    if models(topology) != before:
        shutil.rmtree(root / "var/models")
        shutil.copytree(saved, root / "var/models")
        for version in topology.versions:
            run("scripts.restart", version)


def _lives(supervisor: Supervisor) -> bool:
    return process(supervisor, "rollout").status is not ProcessStatus.COMPLETED


def engine(supervisor: Supervisor) -> int:
    return process(supervisor, "rollout").pid


def killed(supervisor: Supervisor) -> None:
    """kill -9; until another one is there."""
    pid = engine(supervisor)
    os.kill(pid, signal.SIGKILL)
    wait_for_another(supervisor, "rollout", pid)


def adopt(source: Path, topology: Topology) -> None:
    """`make adopt MODEL=... SLOT=v2 YES=1`"""
    run("services.adopt", str(source), "--slot", "v2", "--yes")
    run("scripts.restart", "v2")
    assert models(topology)["v2-1"] == digest_of(Path(), "v2")


def test_two_releases_in_a_row_lose_nothing(
    root: Path, supervisor: Supervisor, topology: Topology, connect: Clients, books: Books,
    policy: Path, restored: None, tmp_path: Path,
) -> None:  # fmt: skip
    earlier = len(read_log(root).entries)
    second = tmp_path / "second.joblib"
    shutil.copy(root / "var/models/v1/model.joblib", second)
    with Load(connect, CLIENTS, users_each=40) as load:
        load.wait_for_everybody()
        for release in (1, 2):
            if release == 2:
                adopt(second, topology)
            candidate = models(topology)["v2-1"]
            assert set(models(topology).values()) != {candidate}
            assert "started" in rollout("start", "--policy", str(policy))
            if release == 1:
                assert wait_until(lambda: reached(root, Phase.STEP, 25), 30)
                killed(supervisor)  # no terminal, no engine for a second: it goes on
            assert wait_until(lambda: reached(root, Phase.PROMOTED), 60), read_log(root).state
            assert read_experiment(root).weight == 100
            finishing = subprocess.Popen(
                [sys.executable, "-m", "dashboard", "rollout", "finish"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            if release == 2:
                # In the middle of it: one of the three is out, or back with the new model.
                assert wait_until(lambda: read_experiment(root).drained is not None, 30)
                killed(supervisor)
            out, err = finishing.communicate(timeout=120)
            assert finishing.returncode == 0, out + err
            assert reached(root, Phase.FINISHED, 0)
            assert read_experiment(root) == Experiment()
            assert set(models(topology).values()) == {candidate}
            assert digest_of(root, "v1") == digest_of(root, "v2") == candidate
        load.wait_for_everybody()
    assert set(load.outcomes) == {"200"}
    books.balance()
    log = read_log(root)
    weights = [entry.decision.after.weight for entry in log.entries[earlier:]]
    assert weights == [0, 0, 25, 100, 100, 0] * 2
    assert all(explain(entry).differences == () for entry in log.entries)
    assert log.pending is None
    # What a start does not train over, and what can be brought back.
    done = run_module(root, "services.gen_model", "--if-needed")
    assert done.returncode == 0, done.stderr
    assert (root / "var/models/v1.previous").is_dir()


def test_a_v2_that_dies_is_taken_back_though_the_engine_was_killed(
    root: Path, supervisor: Supervisor, connect: Clients, books: Books, policy: Path, restored: None
) -> None:
    policy.write_text(SLOW_POLICY)
    with Load(connect, CLIENTS, users_each=40) as load:
        load.wait_for_everybody()
        rollout("start", "--policy", str(policy))
        assert wait_until(lambda: reached(root, Phase.STEP, 25), 30)
        load.wait_for(100)
        killed(supervisor)
        with stopped(supervisor, "v2-1"):
            assert wait_until(lambda: reached(root, Phase.ROLLED_BACK, 0), 30)
            assert read_experiment(root) == Experiment()
            load.wait_for_everybody()
    assert set(load.outcomes) == {"200"}
    last = read_log(root).entries[-1]
    assert last.decision.trigger == "outage"
    # From the first request that it did not answer.
    assert last.seen.outage_seconds < 10
    assert "taken again from what was stored: the same decision" in rollout("explain")
    assert "ROLLED BACK" in rollout()


def test_a_second_engine_is_refused_a_dead_one_said_and_an_idle_one_ends(
    root: Path, supervisor: Supervisor, connect: Clients, policy: Path, restored: None
) -> None:
    policy.write_text(SLOW_POLICY.replace("percent: 50", "percent: 0"))
    assert rollout("pause", code=1) == ""
    with Load(connect, 2) as load:
        load.wait_for_everybody()
        rollout("start", "--policy", str(policy))
        assert wait_until(lambda: reached(root, Phase.STEP, 25), 30)
        pid = engine(supervisor)
        done = run_module(root, "rollout.engine")
        assert (done.returncode, f"(pid {pid})" in done.stderr) == (2, True)
        assert status().pid == pid
        assert "refused" not in rollout("pause")
        rollout("pause", code=1)
        supervisor.stop("rollout")
        assert wait_until(lambda: not _lives(supervisor), 30)
        assert "engine   DEAD since" in rollout()
        assert read_experiment(root).weight == 25
        # Whoever asks for something has it started again.
        rollout("abort")
        assert read_experiment(root) == Experiment()
        assert engine(supervisor) not in (0, pid)
    assert wait_until(lambda: not _lives(supervisor), 30)
    assert process(supervisor, "rollout").exit_code == 0
    assert "has ended, there is nothing to do" in rollout()


def test_a_drill_of_the_engine_costs_nothing(
    supervisor: Supervisor, root: Path, restored: None, policy: Path
) -> None:
    policy.write_text(SLOW_POLICY)
    rollout("start", "--policy", str(policy))
    assert wait_until(lambda: process(supervisor, "rollout").is_ready, 30)
    before, decided = engine(supervisor), read_log(root).entries
    report = json.loads(run("dashboard", "drill", "rollout", "--yes", "--json"))
    assert (report["outcome"], report["victim"], report["lost"]) == ("passed", "rollout", 0)
    assert report["pid"] == before
    assert report["ready_again_s"] < 10
    # It goes on where it was.
    assert engine(supervisor) not in (0, before)
    assert read_log(root).entries[: len(decided)] == decided
    rollout("abort")
