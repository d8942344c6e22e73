"""A rollout on Ray: the same engine, policy and commands, with replicas in the place of processes.

Thresholds are those of rollout/rollout.yaml, only the waiting is shorter.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.supervisor import Supervisor
from gateway.topology import Topology
from rollout.baseline import digest_of
from rollout.state import Phase
from rollout.store import read_log
from tests.ray.replicas import models
from tests.stack.clone import Clone
from tests.stack.live_rollout import LONG, SHORT, WELL, Rollout, faulty

TRAFFIC = ("--rate=15", "--users=2000", "--duration=900")
"""A sixth of a core: replicas that start leave not much more of two."""


@pytest.fixture
def rollout(workspace: Clone, supervisor: Supervisor, tmp_path: Path) -> Iterator[Rollout]:
    """One that has not begun, under traffic; neither, and no fault, afterwards."""
    done(workspace, "probes.traffic", *TRAFFIC)
    rollout = Rollout(workspace, tmp_path)
    yield rollout
    rollout.clear()
    done(workspace, "probes.traffic", "--stop")


def test_a_fifth_of_5xx_is_rolled_back(workspace: Clone, rollout: Rollout) -> None:
    rollout.start(LONG)
    rollout.wait_for_evidence()
    assert rollout.seen.failed_v2 == 0
    rollout.answers()
    faulty(workspace, error_rate=0.2)
    rollout.wait_for(Phase.ROLLED_BACK, 0, 60)
    assert rollout.is_rolled_back_by("failed")
    bad = [line for line in rollout.answers() if line.status != 200]
    assert {(line.status, line.cohort) for line in bad} == {(500, "canary")}
    assert {line.instance for line in bad} <= {"v2-1", "v2-2"}
    assert rollout.outcomes_from_now_on() == WELL


def test_a_healthy_candidate_is_promoted_becomes_the_baseline_and_is_undone(
    root: Path, workspace: Clone, topology: Topology, rollout: Rollout
) -> None:
    """Twice another model for all replicas of v1, one after the other, and no prediction lost."""
    before, candidate = digest_of(root, "v1"), digest_of(root, "v2")
    assert set(models(topology, "v1", 3).values()) == {before} != {candidate}
    rollout.start(SHORT)
    rollout.wait_for(Phase.PROMOTED, 100, 90)
    weights = [entry.decision.after.weight for entry in read_log(root).entries[-6:]]
    assert weights == [0, 0, 25, 50, 100, 100]
    done(workspace, "dashboard", "rollout", "finish")
    assert set(models(topology, "v1", 3).values()) == {candidate}
    done(workspace, "services.adopt", "--undo", "--slot=v1")
    done(workspace, "scripts.restart", "v1")
    assert set(models(topology, "v1", 3).values()) == {before}
    assert {line.status for line in rollout.answers()} == {200}
    assert rollout.outcomes_from_now_on() == WELL


def done(workspace: Clone, *words: str) -> None:
    """Run a command that has to succeed."""
    ended = workspace.run(*words)
    assert ended.returncode == 0, ended.stderr
