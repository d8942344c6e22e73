"""The course of a kill drill, with a load and processes that the test holds in its hand."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.accesslog import Access
from gateway.supervisor import Process, ProcessHealth, ProcessStatus, SupervisorError
from gateway.topology import Instance
from probes import drill_run, drill_target, steady_load
from probes.client import NoAnswer
from probes.drill_run import Phase, drill, usual_rate
from probes.drill_target import Refused, Target
from probes.sources import NO_CHOICE, PER_SOURCE
from probes.steady_load import Answered, SteadyLoad
from probes.verdict import Verdict
from probes.workspace import Workspace, load_workspace
from tests.gateway.waiting import wait_until

ROOT = Path(__file__).parents[2]
TARGET = Target("v1-1", 4711, Instance("v1-1", "v1", 8101))


class Load:
    """Every request is answered at once."""

    run = "drill-x"
    answer = Answered(0.0, 0.001, 200, False, "")

    def __init__(self, *_: object) -> None:
        self.stopped = False

    def start(self) -> None:
        pass

    def answers(self) -> tuple[Answered, ...]:
        return (self.answer,) * 3

    def counts(self) -> tuple[int, int]:
        return 3, sum(each.status != 200 for each in self.answers())

    def stop(self) -> tuple[Answered, ...]:
        self.stopped = True
        return self.answers()


class Log:
    """Nothing new in it."""

    caught_up = True

    def read(self) -> list[Access]:
        return []

    def close(self) -> None:
        pass


class Processes:
    """The victim is as the test says."""

    found: Sequence[Process] = ()

    def __init__(self, _: Path) -> None:
        pass

    def processes(self) -> tuple[Process, ...]:
        if not self.found:
            raise SupervisorError("busy")
        return tuple(self.found)


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Whom the drill killed."""
    pids: list[int] = []
    monkeypatch.setattr(drill_run, "SteadyLoad", Load)
    monkeypatch.setattr(drill_run, "follow_from_end", lambda _: Log())
    monkeypatch.setattr(drill_target, "Supervisor", Processes)
    monkeypatch.setattr("os.kill", lambda pid, _: pids.append(pid))
    for name in ("BEFORE_S", "AFTER_S", "SERVING_S"):
        monkeypatch.setattr(drill_run, name, 0.01)
    return pids


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return load_workspace(ROOT, {})


def new_victim(pid: int) -> Process:
    running, health = ProcessStatus.RUNNING, ProcessHealth.READY
    return Process("v1-1", "services", running, health, 1, -1, pid, 0.0, 0, 0.0)


def test_the_phases_are_told_in_their_order(
    killed: list[int], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Processes, "found", (new_victim(4712),))
    told: list[Phase] = []
    counted: list[tuple[int, int]] = []
    report = drill(
        workspace, TARGET, 8.0, told.append, count=lambda *counts: counted.append(counts)
    )
    assert told == [Phase.LOAD, Phase.KILLED, Phase.READY_AGAIN]
    assert killed == [TARGET.pid]
    assert report.killed
    assert report.ready_again_s is not None
    assert report.serving_again_s is None
    assert set(counted) == {(3, 0)}
    assert len(counted) >= 2


def test_a_stop_before_the_kill_kills_nobody(killed: list[int], workspace: Workspace) -> None:
    stop = threading.Event()
    stop.set()
    report = drill(workspace, TARGET, 8.0, lambda _: None, stop=stop)
    assert not killed
    assert not report.killed
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.reason == "stopped before anything was killed"


@pytest.mark.parametrize("found", [(), (new_victim(TARGET.pid),)])
def test_a_stop_after_the_kill_reports_what_was_seen(
    killed: list[int],
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    found: tuple[Process, ...],
) -> None:
    monkeypatch.setattr(Processes, "found", found)
    stop = threading.Event()
    told: list[Phase] = []

    def tell(phase: Phase) -> None:
        told.append(phase)
        if phase is Phase.KILLED:
            stop.set()

    report = drill(workspace, TARGET, 8.0, tell, stop=stop)
    assert told == [Phase.LOAD, Phase.KILLED]
    assert killed == [TARGET.pid]
    assert report.killed
    assert (report.sent, report.lost) == (3, 0)
    assert report.reason == "stopped before v1-1 was ready again"


def test_a_load_that_goes_wrong_by_itself_kills_nobody(
    killed: list[int], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Load, "answer", Answered(0.0, 0.001, 503, False, ""))
    report = drill(workspace, TARGET, 8.0, lambda _: None)
    assert not killed
    assert "went wrong before anything was killed" in report.reason


def test_a_victim_that_is_gone_is_no_drill(
    killed: list[int], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(pid: int, _: int) -> None:
        raise ProcessLookupError

    monkeypatch.setattr("os.kill", gone)
    with pytest.raises(Refused, match="ended by itself"):
        drill(workspace, TARGET, 8.0, lambda _: None)


def test_one_address_sends_what_one_may(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drill_run, "available", lambda *_: NO_CHOICE)
    assert usual_rate(workspace) == PER_SOURCE
    monkeypatch.setattr(drill_run, "available", lambda _, addresses: addresses)
    assert usual_rate(workspace) == drill_run.RATE


def test_a_load_counts_what_went_wrong(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        """Nobody answers."""

        def __init__(self, *_: object) -> None:
            pass

        def send(self, *_: object) -> None:
            raise NoAnswer("nobody")

        def close(self) -> None:
            pass

    monkeypatch.setattr(steady_load, "Client", Silent)
    load = SteadyLoad(workspace, ("127.0.0.1",), float(PER_SOURCE), "test")
    assert load.counts() == (0, 0)
    load.start()
    wait_until(lambda: load.counts()[0] >= 2)
    answers = load.stop()
    assert load.counts() == (len(answers), len(answers))
