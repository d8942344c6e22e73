"""What the dashboard says of an access log that nginx writes to in vain."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from dashboard.events import Hit, LogProgress, SourceName, SourceState, SourceStatus
from dashboard.sources import access_log
from dashboard.sources.access_log import AccessLog
from dashboard.sources.base import ask
from dashboard.verdict import Severity, judge
from tests.dashboard.drill_story import fresh, master
from tests.dashboard.stories import START, model
from tests.gateway.access_lines import line


class Watched:
    """A log, and what the source says of it at a time of the test's choice."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.source = AccessLog(path)

    def write(self, lines: int) -> None:
        with self.path.open("ab") as log:
            log.write((line() + b"\n") * lines)

    def said(self, at: float) -> tuple[int, SourceStatus]:
        """How many requests it delivers, and its status after that."""
        *events, status = ask(self.source, lambda: START + at)[0]
        assert isinstance(status, SourceStatus)
        return sum(isinstance(event, Hit) for event in events), status


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    found = Watched(tmp_path / "access.jsonl")
    yield found
    found.source.close()


def test_a_log_that_was_removed_is_said_and_read_on(watched: Watched) -> None:
    watched.write(2)
    assert watched.said(0)[0] == 2
    with watched.path.open("ab") as still_open:
        watched.path.unlink()
        hits, status = watched.said(1)
        assert (hits, status.state) == (0, SourceState.FRESH)  # a rotation looks like that
        still_open.write((line() + b"\n") * 3)
        still_open.flush()
        hits, status = watched.said(3.5)
    assert (hits, status.state) == (3, SourceState.FAILING)
    assert status.detail == f"{watched.path} was removed: `make reload` has nginx write another one"
    watched.write(1)
    hits, status = watched.said(4)
    assert (hits, status.state) == (1, SourceState.FRESH)


@contextmanager
def writer(log: Path) -> Iterator[int]:
    """The pid of a process that has the log open, as nginx has."""
    with log.open("ab") as opened:
        command = [sys.executable, "-c", "input()"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=opened) as process:
            yield process.pid
            process.communicate(b"\n")


def test_a_log_that_was_replaced_is_said(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    watched.write(1)
    with writer(watched.path) as master:
        monkeypatch.setattr(access_log, "running_master", lambda _: master)
        assert watched.said(0)[0] == 1
        assert watched.said(3)[1].state is SourceState.FRESH
        watched.path.rename(watched.path.with_name("kept"))
        watched.write(1)
        assert watched.said(4)[0] == 1
        assert watched.said(5)[1].state is SourceState.FRESH  # a rotation looks like that
        status = watched.said(7.5)[1]
        assert status.state is SourceState.FAILING
        assert "was replaced, and nginx writes to the old one: `make reload`" in status.detail
    with writer(watched.path) as master:
        monkeypatch.setattr(access_log, "running_master", lambda _: master)
        assert watched.said(8)[1].state is SourceState.FRESH


def test_a_full_disk_is_said_and_what_was_written_is_shown(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = SimpleNamespace(f_bavail=0)
    monkeypatch.setattr("os.statvfs", lambda _: blocks)
    watched.write(2)
    hits, status = watched.said(0)
    assert (hits, status.state) == (2, SourceState.FAILING)
    assert "the disk is full" in status.detail
    blocks.f_bavail = 1
    assert watched.said(1)[1].state is SourceState.FRESH


def test_requests_that_nobody_sees_are_not_silence() -> None:
    quiet = START + 90
    healthy = model(*fresh(quiet), *master(quiet, alive=True), LogProgress(quiet, True, 0))
    assert judge(healthy, quiet).severity is Severity.SILENT
    failing = SourceStatus(quiet, SourceName.ACCESS_LOG, SourceState.FAILING, "the disk is full")
    healthy.apply(failing)
    verdict = judge(healthy, quiet)
    assert verdict.severity is Severity.DEGRADED
    assert verdict.reason == "requests are answered and not seen: the disk is full"
