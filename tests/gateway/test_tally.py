"""Counts that survive restarts, rotations and SIGKILL: nothing lost, nothing twice."""

import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.tally import StateError, Tally
from tests.gateway.access_lines import line, rotate
from tests.gateway.exporter_process import Workspace, copy_workspace, exporter
from tests.gateway.waiting import wait_until

INSTANCES = {"127.0.0.1:8101": "v1-1"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return copy_workspace(tmp_path)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"]
)
def test_a_restart_goes_on_where_it_was(
    workspace: Workspace, number: signal.Signals, code: int
) -> None:
    workspace.append(line(), line(), b"bad")
    with exporter(workspace) as running:
        assert running.requests() == 2
        before = running.samples()
        assert running.stop(number) == code
    workspace.append(line())
    with exporter(workspace) as running:
        after = running.samples()
    counted = {name for name in before if name.startswith("gateway_") and "bucket" not in name}
    assert after["gateway_requests_total"] == 3
    assert after["gateway_log_lines_bad_total"] == 1
    assert after["gateway_request_duration_seconds_sum"] == pytest.approx(0.009)
    assert counted >= {"gateway_requests_total", "gateway_upstream_attempts_total"}


def test_a_rotation_while_it_is_down(workspace: Workspace) -> None:
    workspace.append(line(request_id="a"))
    with exporter(workspace) as running:
        assert running.requests() == 1
        assert running.stop() == 0
    workspace.append(line(request_id="b"))
    rotate(workspace.log)
    workspace.append(line(request_id="c"))
    with exporter(workspace) as running:
        assert running.requests() == 3


def test_killed_again_and_again_while_the_log_grows(workspace: Workspace) -> None:
    """Every line counted once, whichever moment SIGKILL comes at."""
    workspace.append(b"bad")
    with exporter(workspace):
        wait_until(workspace.state.exists)
    done = threading.Event()
    written = [0, 1]

    def write() -> None:
        while not done.wait(0.001):
            workspace.append(*[line(request_id=str(written[0]))] * 7, b"bad")
            written[0] += 7
            written[1] += 1
            if written[1] % 100 == 0:
                rotate(workspace.log)

    def stored_after(moment: int) -> Callable[[], bool]:
        return lambda: workspace.state.stat().st_mtime_ns != moment

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(5):
            before = workspace.state.stat().st_mtime_ns
            with exporter(workspace) as running:
                wait_until(stored_after(before))
                assert running.requests() > 0
                assert running.stop(signal.SIGKILL) == -signal.SIGKILL
    finally:
        done.set()
        writer.join()
    with exporter(workspace) as running:
        wait_until(lambda: running.requests() >= written[0], running.samples)
        found = running.samples()
    assert found["gateway_requests_total"] == written[0]
    assert found["gateway_request_duration_seconds_count"] == written[0]
    assert found["gateway_upstream_attempts_total"] == written[0]
    assert found["gateway_log_lines_bad_total"] == written[1]


def test_counts_are_stored_within_seconds_and_only_when_they_change(workspace: Workspace) -> None:
    with exporter(workspace) as running:
        workspace.append(line())
        wait_until(workspace.state.exists)
        first = workspace.state.stat().st_mtime_ns
        workspace.append(line())
        wait_until(lambda: workspace.state.stat().st_mtime_ns != first)
        assert running.stop() == 0
    stored = workspace.state.stat()
    with exporter(workspace) as running:
        assert running.requests() == 2
        assert running.stop() == 0
    assert workspace.state.stat().st_mtime_ns == stored.st_mtime_ns
    assert workspace.state.stat().st_ino == stored.st_ino


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", b'{"format":0}', b'{"format":1,"log":"elsewhere"}', b"[" * 100_000],
)
def test_a_state_that_cannot_be_used_is_said_and_replaced(
    workspace: Workspace, content: bytes
) -> None:
    workspace.append(line())
    workspace.state.write_bytes(content)
    with pytest.raises(StateError, match=r"exporter\.json: not usable"):
        Tally.restore(workspace.log, workspace.state, INSTANCES)


def test_after_that_it_counts_from_the_start(workspace: Workspace) -> None:
    workspace.append(line())
    workspace.state.write_text("{")
    with exporter(workspace) as running:
        assert running.requests() == 1
        assert "counting again from the start" in running.said.read_text()
        assert running.stop() == 0
    Tally.restore(workspace.log, workspace.state, INSTANCES)


def test_a_state_that_cannot_be_written_stops_nothing(workspace: Workspace) -> None:
    workspace.append(line())
    with exporter(workspace, "--state=no/such/folder/exporter.json") as running:
        wait_until(lambda: "cannot be stored" in running.said.read_text())
        assert running.requests() == 1
        assert running.stop() == 0, "after a second attempt"
        assert running.said.read_text().count("cannot be stored") == 1


def test_a_log_that_blocks_does_not_block_a_scrape(workspace: Workspace) -> None:
    workspace.append(line())
    tally = Tally(workspace.log, workspace.state, INSTANCES)
    assert tally.advance(1.0)
    with tally._reading:
        assert not tally.advance(0.01)
        assert tally.families()
    workspace.append(line())
    assert tally.advance(1.0)


def test_a_long_backlog_is_counted_in_parts(workspace: Workspace) -> None:
    workspace.append(*[line()] * 3000)
    tally = Tally(workspace.log, workspace.state, INSTANCES)
    parts = 1
    while not tally.advance(0.0):
        parts += 1
    assert parts > 3
