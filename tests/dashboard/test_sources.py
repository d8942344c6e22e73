"""Sources come and go: never a crash, never a wrong number."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from dashboard.events import (
    Declared,
    Event,
    ExperimentState,
    GatewayState,
    Hit,
    LogProgress,
    NginxMaster,
    ServiceHealth,
    SourceName,
    SourceState,
    SourceStatus,
)
from dashboard.feed import LiveFeed
from dashboard.record import RecordingWriter, read_recording
from dashboard.sources.access_log import AccessLog
from dashboard.sources.base import Inbox, SourceAbsent, ask
from dashboard.sources.nginx import NginxStatus, read_master
from dashboard.sources.services import Services
from dashboard.sources.supervisor import ProcessList
from tests.dashboard.standins import answering
from tests.dashboard.stories import ADDRESSES, START, WORKSPACE
from tests.gateway.access_lines import line, rotate
from tests.gateway.waiting import wait_until


def clock() -> float:
    return START


def log_line(who: str, status: int) -> bytes:
    return (
        line(
            instance=who,
            status=str(status),
            upstream_addr=ADDRESSES[who],
            upstream_status=str(status),
            time=str(START),
        )
        + b"\n"
    )


def test_every_line_is_shown_through_rotation_and_restart(tmp_path: Path) -> None:
    path = tmp_path / "access.jsonl"
    path.write_bytes(log_line("v1-1", 200) * 300 + log_line("v2-1", 503) * 20)
    recording = tmp_path / "run.jsonl"
    feed = LiveFeed(WORKSPACE, [AccessLog(path)], RecordingWriter(recording))

    def shown(hits: int) -> bool:
        feed.advance()
        return feed.model.hits == hits

    feed.start()
    wait_until(lambda: shown(320))
    rotate(path)
    wait_until(lambda: shown(320))
    with path.with_name("access.jsonl.1").open("ab") as old:
        old.write(log_line("v1-2", 200) * 5)
    path.write_bytes(log_line("v1-1", 200) * 30 + b"torn")
    wait_until(lambda: shown(355))
    with path.open("ab") as new:
        new.write(b" line\n" + log_line("v1-3", 429))
    wait_until(lambda: shown(356))
    feed.stop()
    expected = {("v1-1", 200): 330, ("v2-1", 503): 20, ("v1-2", 200): 5, ("v1-3", 429): 1}
    assert feed.model.totals.answers == expected
    assert feed.model.log == LogProgress(feed.model.log.at if feed.model.log else 0, True, 1)
    recorded = [event for event in read_recording(recording) if isinstance(event, Hit)]
    assert len(recorded) == 356


def test_a_log_that_does_not_exist_is_absent_until_it_does(tmp_path: Path) -> None:
    path = tmp_path / "access.jsonl"
    source = AccessLog(path)
    events, ok = ask(source, clock)
    assert not ok
    assert events == [
        SourceStatus(
            START,
            SourceName.ACCESS_LOG,
            SourceState.ABSENT,
            f"{path} does not exist: make start-project",
        )
    ]
    path.write_bytes(log_line("v1-1", 200))
    events, ok = ask(source, clock)
    assert ok
    assert [type(event) for event in events] == [Hit, LogProgress, SourceStatus]
    source.close()


class FullDisk:
    """A recorder whose disk is full after the first event."""

    def __init__(self) -> None:
        self.written: list[Event] = []

    def write(self, event: Event) -> None:
        if self.written:
            raise OSError(28, "No space left on device")
        self.written.append(event)

    def close(self) -> None:
        pass


def test_a_full_disk_ends_the_recording_only(tmp_path: Path) -> None:
    path = tmp_path / "access.jsonl"
    path.write_bytes(log_line("v1-1", 200) * 3)
    feed = LiveFeed(WORKSPACE, [AccessLog(path)], FullDisk(), clock)
    assert feed.label == "live, recording"
    feed.start()

    def shown() -> bool:
        feed.advance()
        return feed.model.hits == 3

    wait_until(shown)
    feed.stop()
    assert feed.label == "live, RECORDING FAILED"
    assert "No space left" in feed.problem


class Flaky:
    """Fails in every way, then delivers."""

    name = SourceName.NGINX
    period_s = 0.01

    def __init__(self) -> None:
        self.errors: list[Exception] = [OSError("no"), SourceAbsent("gone"), KeyError("x")]
        self.polls = 0
        self.closed = threading.Event()

    def poll(self, now: float) -> Sequence[Event]:
        self.polls += 1
        if self.errors:
            raise self.errors.pop()
        return [GatewayState(now, 1, 0, None)]

    def close(self) -> None:
        self.closed.set()


def test_a_source_that_fails_is_asked_again() -> None:
    source = Flaky()
    feed = LiveFeed(WORKSPACE, [source], clock=clock)
    feed.start()

    def delivered() -> bool:
        feed.advance()
        return feed.model.gateway is not None

    wait_until(delivered)
    feed.stop()
    assert source.closed.wait(5)
    assert source.polls >= 4
    assert feed.model.statuses[SourceName.NGINX].state is SourceState.FRESH


def test_a_pump_that_is_too_fast_waits_and_nothing_is_lost() -> None:
    inbox, stop = Inbox(), threading.Event()
    numbers = range(500)

    def fill() -> None:
        for number in numbers:
            inbox.put([GatewayState(START, number, 0, None)], stop)

    thread = threading.Thread(target=fill)
    thread.start()
    found: list[int] = []

    def all_there() -> bool:
        while (batch := inbox.take()) is not None:
            found.extend(event.active for event in batch if isinstance(event, GatewayState))
        return len(found) == len(numbers)

    wait_until(all_there)
    thread.join()
    assert found == list(numbers)


STUB = (
    b"Active connections: 12 \nserver accepts handled requests\n 1 1 1 \n"
    b"Reading: 1 Writing: 2 Waiting: 9 \n"
)


def test_nginx_says_how_many_it_serves(tmp_path: Path) -> None:
    with answering(STUB) as port:
        source = NginxStatus(tmp_path, port, tmp_path / "none.crt", tmp_path / "none.pid")
        assert source.poll(START) == [
            GatewayState(START, 12, 9, None),
            ExperimentState(START, 0, 0, None),
        ]
    with pytest.raises(SourceAbsent, match=f"127.0.0.1:{port}"):
        source.poll(START)


def test_the_master_of_nginx_is_told_from_what_has_its_pid(tmp_path: Path) -> None:
    pid_file, program = tmp_path / "nginx.pid", tmp_path / "nginx"
    assert read_master(pid_file) is None
    for text in ("", "x", "0", "-1"):
        pid_file.write_text(text)
        assert read_master(pid_file) is None
    # What the system calls a process is the name of its program.
    shutil.copy(shutil.which("sleep") or "", program)
    with subprocess.Popen([program, "60"]) as running:
        pid_file.write_text(f"{running.pid}\n")
        wait_until(lambda: read_master(pid_file) == NginxMaster(running.pid, True))
        with answering(STUB) as port:
            state = NginxStatus(tmp_path, port, tmp_path / "none.crt", pid_file).poll(START)
        assert state[0] == GatewayState(START, 12, 9, None, NginxMaster(running.pid, True))
        running.kill()
        wait_until(lambda: read_master(pid_file) == NginxMaster(running.pid, False))
    # Another program has its number by now.
    pid_file.write_text(f"{os.getpid()}\n")
    assert read_master(pid_file) == NginxMaster(os.getpid(), not Path("/proc").is_dir())


def test_services_are_asked_one_by_one() -> None:
    with answering(b"ok") as well, answering(b"no", 503) as ill:
        declared = (
            Declared("a", "v1", f"127.0.0.1:{well}"),
            Declared("b", "v1", f"127.0.0.1:{ill}"),
        )
        assert Services(declared).poll(START) == [ServiceHealth(START, ("a",), ("b",))]
        with pytest.raises(SourceAbsent):
            Services(declared[1:]).poll(START)


def test_without_process_compose_there_are_no_processes(tmp_path: Path) -> None:
    with pytest.raises(SourceAbsent, match="make start-project"):
        ProcessList(tmp_path / "pc.sock").poll(START)
