"""The checks as a job: what it tells, how it is stopped, and what of a stack that is down."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashboard.jobs import checks
from dashboard.jobs.checks import RunChecks, list_checks
from dashboard.trials.checks import Begun, ChecksState, Down, Listed, Outcome
from probes.checks.finding import Check, Finding
from probes.checks.registry import CHECKS
from probes.checks.registry import chosen as really_chosen
from probes.verdict import Verdict
from probes.workspace import Workspace
from tests.dashboard.checks_story import IDS, outcome

ROOT = Path(__file__).parents[2]


class Stack:
    """Stands in for the checks: each of these passes but the one in `failing`."""

    def __init__(self) -> None:
        self.failing = "routing"
        self.ran: list[str] = []
        self.absent: tuple[str, ...] = ()

    def chosen(self, ids: tuple[str, ...]) -> tuple[Check, ...]:
        return tuple(
            Check(c.id, c.title, self._run(c.id), c.command) for c in really_chosen(list(ids))
        )

    def _run(self, name: str) -> Callable[[Workspace], Finding]:
        def run(_: Workspace) -> Finding:
            self.ran.append(name)
            failed = name == self.failing
            return Finding(Verdict.FAILED if failed else Verdict.PASSED, f"{name} \x1b[2J")

        return run


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Stack:
    found = Stack()
    monkeypatch.setattr(checks, "chosen", found.chosen)
    monkeypatch.setattr(checks, "absence", lambda workspace: found.absent)
    return found


def seconds() -> Iterator[float]:
    yield from (float(number) for number in range(100, 200))


def folded(job: RunChecks, stop: threading.Event | None = None) -> ChecksState:
    state = ChecksState()
    for step in job.steps(stop or threading.Event()):
        state.apply(step)
    return state


def test_the_list_has_every_check_with_its_command() -> None:
    listed = list_checks(ROOT)
    assert [promise.id for promise in listed.promises] == [check.id for check in CHECKS]
    assert all(promise.command and promise.title for promise in listed.promises)
    assert not listed.problem


def test_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    listed = list_checks(tmp_path)
    assert [promise.id for promise in listed.promises] == list(IDS)
    assert listed.problem
    known = (outcome("tls"),)
    steps = list(RunChecks(tmp_path, (), known).steps(threading.Event()))
    assert steps[1:] == [listed]
    assert isinstance(steps[0], Begun)
    assert steps[0].earlier == known


def test_all_are_run_in_order(stack: Stack) -> None:
    clock = seconds()
    state = folded(RunChecks(ROOT, clock=lambda: next(clock)))
    assert stack.ran == list(IDS)
    assert list(state.outcomes) == list(IDS)
    verdicts = {name: found.verdict for name, found in state.outcomes.items()}
    assert verdicts == dict.fromkeys(IDS, Verdict.PASSED) | {"routing": Verdict.FAILED}
    times = [found.at for found in state.outcomes.values()]
    assert times == sorted(times)
    assert times[0] == 101.0
    assert "\x1b" not in state.outcomes["tls"].evidence


def test_one_alone_keeps_the_others(stack: Stack) -> None:
    known = (outcome("tls", at=1.0), outcome("routing", at=2.0))
    state = folded(RunChecks(ROOT, ("routing",), known))
    assert stack.ran == ["routing"]
    assert state.outcomes["tls"] == known[0]
    assert state.outcomes["routing"].verdict is Verdict.FAILED


def test_a_stop_ends_it_after_the_present_one(stack: Stack) -> None:
    stop = threading.Event()
    told = []
    for step in RunChecks(ROOT).steps(stop):
        told.append(step)
        if isinstance(step, Outcome) and step.id == "tls":
            stop.set()
    assert stack.ran == ["processes", "files", "tls"]
    assert isinstance(told[-1], Outcome)


def test_a_stack_that_is_down_runs_nothing(stack: Stack) -> None:
    stack.absent = ("process-compose: it is not there", "fix: start it")
    _, listed, down = RunChecks(ROOT).steps(threading.Event())
    assert isinstance(listed, Listed)
    assert down == Down(stack.absent)
    assert not stack.ran


def test_an_unknown_id_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no check 'x'"):
        list(RunChecks(ROOT, ("x",)).steps(threading.Event()))
