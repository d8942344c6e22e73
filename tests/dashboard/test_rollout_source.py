"""The source of the Rollout screen: the file of the engine, whether it lives, the reports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dashboard.events import LabelledAb, RolloutState
from dashboard.sources.rollout import REPORTS, STATUS, Rollout, engine_lives, labelled_report
from rollout.guardrail import Evidence
from rollout.status import Status
from rollout.status_file import write_status
from rollout.store import open_store
from tests.dashboard.rollout_story import STEP

NOW = 1_732_345_000.0


def polled(source: Rollout, now: float = NOW) -> RolloutState | None:
    events = source.poll(now)
    assert len(events) <= 1
    if not events:
        return None
    assert isinstance(events[0], RolloutState)
    return events[0]


def wrote(root: Path, status: Status) -> None:
    (root / STATUS).parent.mkdir(parents=True, exist_ok=True)
    write_status(root, status)


def report(root: Path, name: str, outcome: str, at: float) -> Path:
    path = root / REPORTS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    judged = {"quality": {"outcome": outcome, "reason": f"because {outcome}"}}
    path.write_text(json.dumps({"judgements": judged}))
    os.utime(path, (at, at))
    return path


def test_where_no_engine_ever_ran_that_is_the_news(tmp_path: Path) -> None:
    assert polled(Rollout(tmp_path)) == RolloutState(NOW, None, alive=False)


def test_what_the_engine_wrote_is_read_once_it_changes(tmp_path: Path) -> None:
    source = Rollout(tmp_path)
    polled(source)
    wrote(tmp_path, STEP)
    assert polled(source) == RolloutState(NOW, STEP, alive=False)
    assert polled(source, NOW + 1) is None
    later = replace(STEP, time=STEP.time + 1)
    wrote(tmp_path, later)
    assert polled(source, NOW + 2) == RolloutState(NOW + 2, later, alive=False)


def test_the_events_one_by_one_stay_out_of_a_recording(tmp_path: Path) -> None:
    seen = replace(STEP.seen, failed=replace(STEP.seen.failed, run=((True, 0.25),) * 200))
    wrote(tmp_path, replace(STEP, seen=seen))
    found = polled(Rollout(tmp_path))
    assert found is not None
    assert found.status == STEP
    assert isinstance(found.status.seen.failed, Evidence)


def test_a_file_that_is_no_status_is_refused(tmp_path: Path) -> None:
    (tmp_path / STATUS).parent.mkdir(parents=True)
    for text in ("", "[]", "{}", '{"format": 2}', json.dumps({**STEP.to_json(), "plan": {}})):
        (tmp_path / STATUS).write_text(text)
        with pytest.raises(ValueError, match=r"status.json cannot be understood .*rollout\.log"):
            Rollout(tmp_path).poll(NOW)


def test_an_engine_lives_while_it_has_the_lock(tmp_path: Path) -> None:
    assert not engine_lives(tmp_path, os.getpid())
    with open_store(tmp_path):
        assert engine_lives(tmp_path, os.getpid())
        wrote(tmp_path, replace(STEP, pid=os.getpid()))
        found = polled(Rollout(tmp_path))
        assert found is not None
        assert found.alive
    # The pid may be another program's by now.
    assert not engine_lives(tmp_path, os.getpid())


def test_to_look_for_an_engine_leaves_the_lock_free(tmp_path: Path) -> None:
    with open_store(tmp_path):
        pass
    assert not engine_lives(tmp_path, os.getpid())
    with open_store(tmp_path):
        pass


def test_a_process_that_has_ended_is_no_engine(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with open_store(tmp_path):
        assert not engine_lives(tmp_path, ended.pid)


def test_the_newest_report_with_labels_speaks_of_quality(tmp_path: Path) -> None:
    source = Rollout(tmp_path)
    report(tmp_path, "ab-20241123-060000.json", "passed", NOW - 3600)
    report(tmp_path, "ab-20241123-070000.json", "not measured", NOW - 60)
    (tmp_path / REPORTS / "ab-20241123-080000.json").write_text("{")
    found = polled(source)
    assert found is not None
    assert found.quality == LabelledAb(NOW - 3600, "passed", "because passed")
    report(tmp_path, "ab-20241123-090000.json", "failed", NOW)
    found = polled(source)
    assert found is not None
    assert found.quality == LabelledAb(NOW, "failed", "because failed")


def test_without_a_report_nothing_speaks_of_quality(tmp_path: Path) -> None:
    assert labelled_report(tmp_path) is None
    report(tmp_path, "ab-20241123-070000.json", "not measured", NOW)
    assert labelled_report(tmp_path) is None
