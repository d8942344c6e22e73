"""What the exporter says beside its counts: versions, rollout, and how well it does itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.exporter_metrics import exporter_families
from gateway.follow import Follower
from gateway.rollout_metrics import FILE, PHASES, rollout_families
from rollout.observe import Observations
from rollout.plan import Plan
from rollout.state import Facts, Phase, State
from rollout.status import Status
from rollout.status_file import FILE as WRITTEN
from rollout.status_file import write_status
from tests.gateway.access_lines import line
from tests.gateway.exporter_process import Workspace, copy_workspace, exporter

STATE = State(Phase.STEP, 25, 0, began=100.0, since=200.0, changed=100.0, digest="0123456789ab")
STATUS = Status(
    time=300.5,
    pid=1,
    since=1.0,
    state=STATE,
    seen=Observations(),
    facts=Facts(healthy=True, digest=None),
    plan=Plan(),
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return copy_workspace(tmp_path)


def written(root: Path, status: Status) -> dict[str, float]:
    """What the metrics say of a status that the engine has written, without what is 0."""
    (root / WRITTEN).parent.mkdir(parents=True, exist_ok=True)
    write_status(root, status)
    return {
        sample.name + "".join(sample.labels.values()): sample.value
        for family in rollout_families(root)
        for sample in family.samples
        if sample.value
    }


def test_the_words_are_those_of_the_engine() -> None:
    assert tuple(phase.value for phase in Phase) == PHASES
    assert FILE == WRITTEN


def test_a_rollout_is_in_one_phase(tmp_path: Path) -> None:
    assert list(rollout_families(tmp_path)) == []
    assert written(tmp_path, replace(STATUS, state=None)) == {}
    for phase in Phase:
        assert written(tmp_path, replace(STATUS, state=replace(STATE, phase=phase))) == {
            f"rollout_phase{phase}": 1,
            "rollout_phase_since_timestamp_seconds": 200,
            "rollout_status_timestamp_seconds": 300.5,
        }


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"state": {"phase": "lunch", "since": 1}, "time": 1}']
)
def test_a_status_that_is_none_is_a_problem_and_stops_nothing(
    workspace: Workspace, text: str
) -> None:
    (workspace.root / FILE).parent.mkdir(parents=True)
    (workspace.root / FILE).write_text(text)
    with exporter(workspace) as running:
        # The first scrape finds it, the second one tells.
        running.get("/metrics")
        shown = running.get("/metrics")[1]
        assert b'gateway_exporter_problem{what="rollout"} 1.0' in shown
        assert b'gateway_exporter_problem{what="log"} 0.0' in shown
        assert b"rollout_phase" not in shown
        assert running.said.read_text().count("status.json") == 1
        (workspace.root / FILE).unlink()
        running.get("/metrics")
        assert running.samples()["gateway_exporter_problem"] == 0


def test_versions_join_by_upstream(workspace: Workspace) -> None:
    with exporter(workspace) as running:
        shown = running.get("/metrics")[1].decode()
    assert 'gateway_upstream_info{upstream="v1-3",version="v1"} 1.0' in shown
    assert 'gateway_upstream_info{upstream="v2-1",version="v2"} 1.0' in shown


def test_what_is_not_counted_yet_is_told(tmp_path: Path) -> None:
    log = tmp_path / "access.jsonl"
    follower = Follower(log)
    assert (follower.read(), follower.unread_bytes) == ([], 0)
    log.write_bytes(b"".join(line() + b"\n" for _ in range(10)))
    size = log.stat().st_size
    follower.read(size // 2)
    assert follower.unread_bytes == size - size // 2
    follower.read()
    assert follower.unread_bytes == 0
    with log.open("ab") as file:
        file.write(b"{")
    follower.read()
    # The start of a line has been read, and waits for its end.
    assert follower.unread_bytes == 0
    follower.close()


def test_problems_by_what_they_are_about() -> None:
    families = {f.name: f for f in exporter_families({"access": 7}, {"log": "gone", "state": ""})}
    unread, problems = families["gateway_log_unread_bytes"], families["gateway_exporter_problem"]
    assert [(s.labels, s.value) for s in unread.samples] == [({"log": "access"}, 7)]
    assert {s.labels["what"]: s.value for s in problems.samples} == {"log": 1, "state": 0}
    assert "gone" not in json.dumps([s.labels for s in problems.samples])
