"""A long log is put away, and nothing of it is lost (with nginx: tests/stack/test_rotation.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.rotation import MAX_BYTES, rotate
from tests.gateway.access_lines import line
from tests.gateway.exporter_process import Workspace, copy_workspace, exporter
from tests.gateway.waiting import wait_until


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "access.jsonl"


def shown(log: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(log.parent.glob("access*"))}


def test_a_short_log_or_none_is_left_alone(tmp_path: Path, log: Path) -> None:
    assert not rotate(tmp_path, log)
    log.write_text("one")
    assert not rotate(tmp_path, log, max_bytes=3)
    assert shown(log) == {"access.jsonl": "one"}


def test_the_oldest_goes(tmp_path: Path, log: Path) -> None:
    for text in ("first", "second", "third", "fourth"):
        log.write_text(text)
        assert rotate(tmp_path, log, max_bytes=3, kept=2)
    assert shown(log) == {"access.jsonl.1": "fourth", "access.jsonl.2": "third"}


def test_a_gap_is_closed_from_below(tmp_path: Path, log: Path) -> None:
    log.with_name("access.jsonl.2").write_text("old")
    log.write_text("new and long")
    assert rotate(tmp_path, log, max_bytes=3, kept=3)
    assert shown(log) == {"access.jsonl.1": "new and long", "access.jsonl.3": "old"}


def test_the_exporter_does_it_and_counts_every_line_once(tmp_path: Path) -> None:
    workspace: Workspace = copy_workspace(tmp_path)
    long = line(user_agent="x" * 1000) + b"\n"
    lines = MAX_BYTES // len(long) + 1
    with workspace.log.open("wb") as file:
        for _ in range(100):
            file.write(long * (lines // 100))
        file.write(long * (lines % 100))
    first = workspace.log.with_name("access.jsonl.1")
    with exporter(workspace) as running:
        wait_until(first.exists)
        workspace.append(line())
        wait_until(lambda: running.requests() == lines + 1)
        assert running.said.read_text().count("access.jsonl.1 now") == 1
        assert running.samples()["gateway_exporter_problem"] == 0
    assert workspace.log.stat().st_size < 1000
