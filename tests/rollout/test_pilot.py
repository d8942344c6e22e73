"""The pilot in a folder: what it decides, carries out, tells, and what people can do to it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from gateway.canary import Experiment, read_experiment, write_experiment
from rollout import store as store_module
from rollout.capacity import note
from rollout.record import explain
from rollout.state import Action, Cause, Phase, State
from rollout.status import Status
from rollout.store import Store, open_store, read_log
from tests.rollout.standin import DIGEST, Gateway, Steered, post_at

SCHEMA = json.loads(
    (Path(store_module.__file__).parent / "status.schema.json").read_text(encoding="utf-8")
)
DECISIONS = json.loads(
    (Path(store_module.__file__).parent / "decisions.schema.json").read_text(encoding="utf-8")
)


@pytest.fixture
def steered(tmp_path: Path) -> Iterator[Steered]:
    with open_store(tmp_path) as store:
        made = Steered(tmp_path, store, Gateway(tmp_path))
        yield made
        made.pilot.close()


def state(root: Path) -> State:
    found = read_log(root).state
    assert found is not None
    return found


def status(root: Path) -> Status:
    value = json.loads((root / "var/rollout/status.json").read_text())
    jsonschema.Draft202012Validator(SCHEMA).validate(value)
    return Status.from_json(value)


def until(steered: Steered, phase: Phase, weight: int, longest: int = 60) -> None:
    for _ in range(longest):
        now = read_log(steered.root).state
        if now is not None and (now.phase, now.weight) == (phase, weight):
            return
        steered.seconds(1)
    raise AssertionError(f"{state(steered.root)} after {longest} s")


def test_a_healthy_candidate_is_promoted_step_by_step(steered: Steered, tmp_path: Path) -> None:
    steered.seconds(2)
    assert status(tmp_path).state is None
    assert steered.pilot.idle
    found = steered.order("start")
    assert (found.accepted, found.seq) == (True, 1)
    assert found.reason == f"started with the candidate {DIGEST}"
    weights = []
    for phase, weight in (
        (Phase.SHADOW, 0), (Phase.STEP, 25), (Phase.STEP, 50), (Phase.STEP, 100),
        (Phase.PROMOTED, 100),
    ):  # fmt: skip
        until(steered, phase, weight)
        weights.append(read_experiment(tmp_path))
        assert steered.pilot.urgent == (weight > 0)
        told = status(tmp_path)
        assert told.state == state(tmp_path)
        assert told.pid == os.getpid()
        assert told.problem is None
    assert weights == [Experiment(w, s) for w, s in ((0, 50), (25, 0), (50, 0), (100, 0), (100, 0))]
    log = read_log(tmp_path)
    assert log.pending is None
    assert [entry.actor for entry in log.entries] == ["anna", *["engine"] * 5]
    assert all(explain(entry).differences == () for entry in log.entries)
    for text in (tmp_path / "var/rollout/decisions.jsonl").read_text().splitlines():
        jsonschema.Draft202012Validator(DECISIONS).validate(json.loads(text))


def test_a_bad_candidate_is_taken_back_and_the_gateway_knows(
    steered: Steered, tmp_path: Path
) -> None:
    steered.order("start")
    until(steered, Phase.STEP, 25)
    steered.seconds(1)
    steered.gateway.v2_fails = True
    until(steered, Phase.ROLLED_BACK, 0, 10)
    assert read_experiment(tmp_path) == Experiment()
    assert read_log(tmp_path).entries[-1].decision.trigger in ("outage", "failed")
    assert steered.pilot.idle
    assert not steered.pilot.urgent
    steered.seconds(1)
    # What led to it stays to be seen.
    assert status(tmp_path).seen.failed_v2 > 0


def test_guardrails_act_while_it_is_paused(steered: Steered, tmp_path: Path) -> None:
    steered.order("start")
    until(steered, Phase.STEP, 25)
    assert steered.order("pause").accepted
    steered.seconds(15)
    assert (state(tmp_path).phase, state(tmp_path).cause) == (Phase.HOLD, Cause.PAUSED)
    steered.gateway.v2_fails = True
    until(steered, Phase.ROLLED_BACK, 0, 10)


def test_a_person_can_resume_promote_and_abort(steered: Steered, tmp_path: Path) -> None:
    assert steered.order("abort").reason == "there is no rollout: `rollout start` begins one"
    steered.order("start")
    assert not steered.order("start").accepted
    assert not steered.order("finish").accepted
    until(steered, Phase.STEP, 25)
    steered.order("pause")
    found = steered.order("resume", "ben")
    assert found.accepted
    assert read_log(tmp_path).entries[-1].actor == "ben"
    assert steered.order("promote").accepted
    assert read_experiment(tmp_path).weight == 50
    assert steered.order("promote full").accepted
    assert read_experiment(tmp_path).weight == 100
    assert steered.order("abort").accepted
    assert (state(tmp_path).phase, read_experiment(tmp_path)) == (Phase.ROLLED_BACK, Experiment())
    assert not steered.order("resume").accepted
    assert steered.order("start").accepted


@pytest.mark.parametrize("by_hand", [Experiment(40), Experiment(25, 10), Experiment()])
def test_a_weight_changed_by_hand_holds_and_is_not_fought(
    steered: Steered, tmp_path: Path, by_hand: Experiment
) -> None:
    steered.order("start")
    until(steered, Phase.STEP, 25)
    write_experiment(tmp_path, by_hand)
    steered.seconds(15)
    assert (state(tmp_path).phase, state(tmp_path).cause) == (Phase.HOLD, Cause.WEIGHT)
    assert read_experiment(tmp_path) == by_hand
    assert "changed by hand; resume sets it again" in status(tmp_path).decisions[-1].reason
    assert steered.order("resume").accepted
    assert read_experiment(tmp_path) == Experiment(25)
    steered.seconds(1)
    if by_hand.weight != 25:  # it changed only now: what comes right after is warm-up
        assert status(tmp_path).seen.requests_v2 == 0
    until(steered, Phase.STEP, 50)


def test_a_start_beside_a_canary_is_refused(steered: Steered, tmp_path: Path) -> None:
    write_experiment(tmp_path, Experiment(weight=10, drained="v1-1"))
    assert steered.order("start").reason == "the canary is at 10 %: `canary off` first"
    write_experiment(tmp_path, Experiment(drained="v1-1"))
    assert steered.order("start").accepted
    until(steered, Phase.STEP, 25)
    assert read_experiment(tmp_path) == Experiment(25, 0, "v1-1")


def test_a_command_that_waits_is_something_to_do(steered: Steered, tmp_path: Path) -> None:
    assert steered.pilot.idle
    post_at(tmp_path, "start", "anna", steered.gateway.now)
    assert not steered.pilot.idle


def test_a_start_without_a_candidate_is_refused(steered: Steered, tmp_path: Path) -> None:
    steered.lose_sight()
    assert steered.order("start").reason.startswith("no candidate is ready")
    assert read_log(tmp_path).state is None


def test_a_policy_that_is_wrong_is_refused_with_its_line(steered: Steered, tmp_path: Path) -> None:
    name = post_at(tmp_path, "start", "anna", steered.gateway.now)
    (tmp_path / "policy.yaml").write_text("warm_up: soon\n")
    steered.pilot.look(steered.gateway.now)
    answer = json.loads((tmp_path / "var/rollout/answers" / name).read_text())
    assert not answer["accepted"]
    assert "policy.yaml:1: 'soon' is no time" in answer["reason"]


def test_no_traffic_holds(steered: Steered, tmp_path: Path) -> None:
    steered.order("start")
    until(steered, Phase.STEP, 25)
    steered.seconds(25, requests=0)
    assert (state(tmp_path).phase, state(tmp_path).cause) == (Phase.HOLD, Cause.NO_DATA)
    assert read_experiment(tmp_path).weight == 25


def test_another_model_midway_holds(steered: Steered, tmp_path: Path) -> None:
    steered.order("start")
    until(steered, Phase.STEP, 25)
    steered.sight = replace(steered.sight, digest="ba9876543210")
    steered.seconds(1)
    assert state(tmp_path).cause is Cause.CANDIDATE_CHANGED
    assert not steered.order("resume").accepted


def test_a_step_beyond_the_capacity_is_refused_with_the_number(
    steered: Steered, tmp_path: Path
) -> None:
    note(tmp_path, DIGEST, 10.0)
    steered.order("start")
    until(steered, Phase.STEP, 25)
    until(steered, Phase.HOLD, 25)
    assert state(tmp_path).cause is Cause.CAPACITY
    reason = read_log(tmp_path).entries[-1].decision.reason
    assert "more than 8.0 (80 % of the 10.0 that it was measured to do)" in reason
    note(tmp_path, "of another model", 10.0)
    assert steered.order("promote").accepted


def test_restarts_of_the_candidate_roll_back(steered: Steered, tmp_path: Path) -> None:
    steered.order("start")
    until(steered, Phase.STEP, 25)
    for number in range(1, 4):
        run = replace(steered.sight.runs["v2-1"], pid=500 + number, restarts=number)
        steered.sight = replace(steered.sight, runs={**steered.sight.runs, "v2-1": run})
        assert state(tmp_path).phase is Phase.STEP
        steered.pilot.look(steered.gateway.now)
    assert state(tmp_path).phase is Phase.ROLLED_BACK
    assert read_log(tmp_path).entries[-1].decision.trigger == "restarts"


def test_a_full_disk_does_not_keep_users_on_a_bad_v2(
    steered: Steered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steered.order("start")
    until(steered, Phase.STEP, 25)
    steered.gateway.v2_fails = True

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        for _ in range(10):
            steered.seconds(1)
            if read_experiment(tmp_path).weight == 0:
                break
        assert read_experiment(tmp_path) == Experiment()
        assert "No space left" in (status(tmp_path).problem or "")
    steered.seconds(1)
    assert state(tmp_path).phase is Phase.ROLLED_BACK


def test_while_a_decision_cannot_be_noted_as_done_only_a_guardrail_decides(
    steered: Steered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steered.order("start")
    until(steered, Phase.STEP, 25)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "applied", full)
        steered.order("pause")
        steered.order("resume")
        count = len(read_log(tmp_path).entries)
        steered.seconds(20)  # its gate is open, and stays so
        assert len(read_log(tmp_path).entries) == count
        assert "No space left" in (status(tmp_path).problem or "")
        steered.gateway.v2_fails = True
        until(steered, Phase.ROLLED_BACK, 0, 10)
        assert read_experiment(tmp_path) == Experiment()
    steered.seconds(1)
    assert read_log(tmp_path).pending is None


def test_a_damaged_canary_state_is_told_and_abort_still_works(
    steered: Steered, tmp_path: Path
) -> None:
    steered.order("start")
    until(steered, Phase.STEP, 25)
    (tmp_path / "var/canary/active/state.json").write_text("{}")
    steered.pilot.look(steered.gateway.now)
    assert "not usable" in (status(tmp_path).problem or "")
    assert status(tmp_path).facts.weight is None
    assert steered.order("abort").accepted
    assert read_experiment(tmp_path) == Experiment()


def test_what_is_unknown_is_said(steered: Steered, tmp_path: Path) -> None:
    steered.order("start")
    steered.sight = replace(steered.sight, problem="restarts and load are of earlier: gone")
    steered.seconds(1)
    assert status(tmp_path).problem == "restarts and load are of earlier: gone"


def test_a_hold_changes_nothing_in_the_gateway(steered: Steered, tmp_path: Path) -> None:
    steered.order("start")
    until(steered, Phase.STEP, 25)
    before = (tmp_path / "var/canary/active").readlink()
    steered.order("pause")
    assert read_log(tmp_path).entries[-1].decision.action is Action.HOLD
    assert (tmp_path / "var/canary/active").readlink() == before
