"""Files of a rollout with values that only Python reads: refused with a reason, never a crash."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dashboard.sources.rollout import STATUS, read_status
from gateway.process_table import alive
from gateway.rollout_metrics import rollout_families
from rollout import bookmark, mailbox
from rollout.bookmark import Bookmark
from rollout.capacity import FILE as CAPACITY
from rollout.capacity import measured
from rollout.status import Status
from rollout.store import FILE, StoreError, read_log
from tests.rollout.test_typed import changed, explainable
from tests.rollout.worlds import FACTS, PLAN, START, seen, state

HUGE = 10**400
NAN = float("nan")
NESTED = "[" * 100_000
STATUS_VALUE = Status(START, 1, START, state(), seen(), FACTS, PLAN).to_json()


def put(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content) + "\n")


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("plan.guardrails.failed.threshold", HUGE),
        ("time", NAN),
        ("time", 1e18),
        ("time", -1e18),
        ("reason", "\ud800"),
    ],
)
def test_a_decision_is_damaged(tmp_path: Path, path: str, to: object) -> None:
    put(tmp_path / FILE, changed(explainable().to_json(), path, to))
    # A last line that is no JSON was not written to its end.
    with (tmp_path / FILE).open("a") as file:
        file.write(json.dumps({"seq": 2, "time": START, "kind": "applied", "of": 1}) + "\n")
    with pytest.raises(StoreError, match=r"decisions\.jsonl:1: damaged"):
        read_log(tmp_path)


@pytest.mark.parametrize("to", [HUGE, NAN, float("inf")])
def test_a_status_is_refused(tmp_path: Path, to: object) -> None:
    for path in ("time", "state.since"):
        put(tmp_path / STATUS, changed(STATUS_VALUE, path, to))
        with pytest.raises(ValueError, match=r"status\.json cannot be understood"):
            read_status(tmp_path)
        with pytest.raises(ValueError, match=r"status\.json is not the status"):
            list(rollout_families(tmp_path))


def test_a_status_nested_without_end(tmp_path: Path) -> None:
    put(tmp_path / STATUS, NESTED)
    with pytest.raises(ValueError, match="nested too deeply"):
        read_status(tmp_path)
    with pytest.raises(ValueError, match="nested too deeply"):
        list(rollout_families(tmp_path))


@pytest.mark.parametrize("pid", [2**31, 2**63, 2**64])
def test_no_process_has_such_a_number(pid: int) -> None:
    assert not alive(pid)


@pytest.mark.parametrize("time", [HUGE, NAN, "nan", "1000000", None])
def test_a_command_at_no_time_is_refused(tmp_path: Path, time: object) -> None:
    order = {"command": "pause", "actor": "anna", "time": time, "policy": None}
    put(tmp_path / mailbox.COMMANDS / "1-0.json", order)
    assert list(mailbox.take(tmp_path, START)) == []
    answer = mailbox.answer_to(tmp_path, "1-0.json")
    assert answer is not None
    assert not answer.accepted
    assert answer.reason.startswith("not a command that is known")


def test_a_command_nested_without_end_is_refused(tmp_path: Path) -> None:
    put(tmp_path / mailbox.COMMANDS / "1-0.json", NESTED)
    assert list(mailbox.take(tmp_path, START)) == []


@pytest.mark.parametrize("began", [HUGE, NAN, "nan", "1", None])
def test_a_bookmark_that_is_none(tmp_path: Path, began: object) -> None:
    put(tmp_path / bookmark.FILE, Bookmark(START, START).to_json())
    assert bookmark.load(tmp_path) == Bookmark(START, START)
    put(tmp_path / bookmark.FILE, {**Bookmark(START, START).to_json(), "began": began})
    assert bookmark.load(tmp_path) is None


def test_a_bookmark_nested_without_end(tmp_path: Path) -> None:
    put(tmp_path / bookmark.FILE, NESTED)
    assert bookmark.load(tmp_path) is None


def test_a_capacity_that_is_none(tmp_path: Path) -> None:
    for rate in (HUGE, float("inf")):
        put(tmp_path / CAPACITY, {"digest": "a", "requests_per_second": rate, "time": 0})
        assert measured(tmp_path, "a") is None
