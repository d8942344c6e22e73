"""Rollouts under living traffic: a v2 that is really bad, in four ways, and one that is not.

In a clone on ports of its own, because its services are started with FAULTS_FILE. Both slots
serve the same model, so that nothing but the fault tells v2 from v1. Statistics and thresholds
are those of rollout/rollout.yaml; only the waiting is shorter.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.agreement import agreement
from gateway.supervisor import ProcessStatus
from rollout.state import Phase
from rollout.store import read_log
from scripts.stack import wait_until
from tests.stack.clone import Clone, cloned
from tests.stack.hangup import Terminal
from tests.stack.hurting import process
from tests.stack.live_rollout import FAULTS, LONG, SHORT, WELL, Rollout, faulty

OFFSET = 2000
TRAFFIC = ("--rate=50", "--users=2000", "--duration=900")
MOST_KILLS = 6
"""Every guardrail that could see a process die has had its chance by then."""
MODEL_MS = 10.0
"""What every answer takes longer, as with a larger model than the demo's, which takes 1 to 2 ms."""
SLOWER_MS = 2.3
"""A fifth of both together."""
SOON_S = 20


@pytest.fixture(scope="module")
def clone(root: Path) -> Iterator[Clone]:
    """Started with faults allowed, the same model in both slots, and traffic."""
    with cloned(root) as clone:
        clone.move_ports(OFFSET)
        assert agreement(clone.root) == ()
        model = str(clone.root / "var/models/v1/model.joblib")
        for done in (
            clone.run("services.adopt", model, "--slot", "v2", "--yes"),
            clone.start(FAULTS_FILE=str(FAULTS)),
            clone.run("probes.traffic", *TRAFFIC),
        ):
            assert done.returncode == 0, done.stderr
        yield clone


@pytest.fixture
def rollout(clone: Clone, tmp_path: Path) -> Iterator[Rollout]:
    """One that has not begun; none and no fault afterwards."""
    rollout = Rollout(clone, tmp_path)
    yield rollout
    rollout.clear()


def test_a_fifth_of_5xx_is_rolled_back(clone: Clone, rollout: Rollout) -> None:
    rollout.start(LONG)
    rollout.wait_for_evidence()
    assert rollout.seen.failed_v2 == 0
    rollout.answers()
    faulty(clone, error_rate=0.2)
    rollout.wait_for(Phase.ROLLED_BACK, 0)
    assert rollout.is_rolled_back_by("failed")
    bad = [line for line in rollout.answers() if line.status >= 500]
    assert {(line.status, line.cohort, line.instance) for line in bad} == {(500, "canary", "v2-1")}
    # v2's users here ask for more than a quarter of all that is asked: 19 of 20 rollouts take at
    # most 20 bad answers then (docs/statistics.md).
    assert 5 <= len(bad) <= 30
    assert rollout.last.time - min(line.time for line in bad) <= SOON_S
    assert rollout.outcomes_from_now_on() == WELL


def test_a_v2_that_is_killed_and_killed_again_is_rolled_back(rollout: Rollout) -> None:
    rollout.start(LONG)
    rollout.wait_for_evidence()
    rollout.answers()
    kills = 0
    while not rollout.has_reached(Phase.ROLLED_BACK, 0):
        assert kills < MOST_KILLS, rollout.seen
        rollout.kill_v2()
        kills += 1
    assert rollout.is_rolled_back_by("outage", "failed", "hard stop", "restarts")
    answers = rollout.answers()
    assert {line.status for line in answers} == {200}
    # v1 answered in its stead, and that counted.
    instead = [line for line in answers if line.cohort == "canary" and line.instance != "v2-1"]
    assert len(instead) > 0
    assert rollout.outcomes_from_now_on() == WELL


def test_a_v2_a_fifth_slower_is_rolled_back_though_its_terminal_was_shut(
    clone: Clone, rollout: Rollout
) -> None:
    faulty(clone, MODEL_MS)
    policy = rollout.policy(LONG)
    both = f'"$0" -m dashboard rollout start --policy {policy} && exec "$0" -m dashboard'
    terminal = Terminal(["sh", "-c", both, sys.executable], clone.root, clone.environ)
    try:
        assert wait_until(lambda: terminal.shows(b"Overview"), 60), terminal.screen
        assert wait_until(
            lambda: bool(terminal.shows(b"") and rollout.has_reached(Phase.STEP, 25)), 30
        )
    finally:
        ended = terminal.shut()
    assert ended != 0
    engine = process(rollout.supervisor, "rollout")
    assert engine.status is ProcessStatus.RUNNING
    rollout.wait_for_evidence()
    rollout.answers()
    assert rollout.has_reached(Phase.STEP, 25)
    faulty(clone, MODEL_MS, delay_ms=MODEL_MS + SLOWER_MS)
    rollout.wait_for(Phase.ROLLED_BACK, 0, 120)
    assert rollout.is_rolled_back_by("slow")
    assert process(rollout.supervisor, "rollout").pid == engine.pid
    assert {line.status for line in rollout.answers()} == {200}
    assert rollout.outcomes_from_now_on() == WELL


def test_the_same_model_as_candidate_is_promoted(clone: Clone, rollout: Rollout) -> None:
    rollout.start(SHORT)
    rollout.wait_for(Phase.PROMOTED, 100, 90)
    weights = [entry.decision.after.weight for entry in read_log(clone.root).entries[-6:]]
    assert weights == [0, 0, 25, 50, 100, 100]
    assert {line.status for line in rollout.answers()} == {200}
    assert rollout.seen.shadow_pairs == rollout.seen.shadow_same
