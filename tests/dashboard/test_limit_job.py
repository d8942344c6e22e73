"""The volley as a job: what it tells, how it is stopped, and what it says when it cannot be."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from dashboard.events import Event, TrialEnded
from dashboard.jobs import ratelimit
from dashboard.jobs.aside import tell
from dashboard.jobs.ratelimit import Burst, read_limit
from dashboard.jobs.runner import Runner
from dashboard.trials.ratelimit import Answered, Before, LimitRead, RateLimitState, Sending
from probes.ratelimit import Plan, Shot
from probes.workspace import Workspace
from tests.dashboard.limit_story import LIMIT, TRIAL, as_expected, before
from tests.dashboard.screens import StillFeed

ROOT = Path(__file__).parents[2]


class Gateway:
    """Stands in for the sending: answers as a gateway with the limit of the files does."""

    def __init__(self, fault: OSError | None = None) -> None:
        self.fault = fault
        self.plans: list[Plan] = []
        self.sources: list[str] = []
        self.closed = False

    def __call__(
        self, workspace: Workspace, source: str, plan: Plan
    ) -> Generator[Shot, None, None]:
        self.plans.append(plan)
        self.sources.append(source)
        try:
            if self.fault is not None:
                raise self.fault
            yield from as_expected(plan)
        finally:
            self.closed = True


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Gateway:
    found = Gateway()
    monkeypatch.setattr(ratelimit, "volley", found)
    return found


def test_the_limit_is_that_of_the_files() -> None:
    read = read_limit(ROOT)
    assert read.limit is not None
    assert (read.limit.per_minute, read.limit.burst, read.limit.status) == (600, 20, 429)
    assert read.limit.place.file == "nginx/snippets/predict.conf"
    assert read.target == "POST /predict"
    assert read.request.startswith("curl ")
    assert "%{http_code}" in read.request


def test_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    read = read_limit(tmp_path)
    assert read.limit is None
    assert read.problem
    steps = list(Burst(tmp_path).steps(threading.Event()))
    assert steps == [Before(()), read]


def test_the_steps_make_a_complete_volley(gateway: Gateway) -> None:
    state = RateLimitState()
    for step in Burst(ROOT, Plan(30), before()).steps(threading.Event()):
        state.apply(step)
    assert gateway.plans == [Plan(30)]
    assert state.complete
    assert state.before == before()
    assert state.sending == Sending(Plan(30), gateway.sources[0])
    judgement = state.judgement()
    assert judgement is not None
    assert (judgement.passed, judgement.verdict.value) == (21, "passed")


def test_without_a_plan_the_default_is_sent(gateway: Gateway) -> None:
    list(Burst(ROOT).steps(threading.Event()))
    assert gateway.plans == [Plan(42)]


def test_a_stop_ends_the_sending(gateway: Gateway) -> None:
    stop = threading.Event()
    told = []
    for step in Burst(ROOT).steps(stop):
        told.append(step)
        if sum(isinstance(each, Answered) for each in told) == 5:
            stop.set()
    assert sum(isinstance(each, Answered) for each in told) == 5
    assert gateway.closed


def test_no_limit_sends_nothing(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratelimit, "find_limit", lambda root, path: None)
    _, read = Burst(ROOT).steps(threading.Event())
    assert isinstance(read, LimitRead)
    assert read.limit is None
    assert not read.problem
    assert not gateway.plans


@pytest.mark.parametrize(
    ("absent", "problem"),
    [(("process-compose: it is not there", "fix: start it"), "fix: start it"), ((), "refused")],
)
def test_a_gateway_that_cannot_be_reached_is_explained(
    monkeypatch: pytest.MonkeyPatch, absent: tuple[str, ...], problem: str
) -> None:
    monkeypatch.setattr(ratelimit, "volley", Gateway(ConnectionRefusedError("refused")))
    monkeypatch.setattr(ratelimit, "absence", lambda workspace: absent)
    events: list[Event] = []
    over = threading.Event()

    def post(event: Event) -> None:
        events.append(event)
        if isinstance(event, TrialEnded):
            over.set()

    runner = Runner(post)
    assert runner.start(Burst(ROOT)) == ""
    assert over.wait(20)
    runner.close()
    end = events[-1]
    assert isinstance(end, TrialEnded)
    assert end.problem.splitlines()[-1] == problem


def test_what_is_read_aside_runs_nothing() -> None:
    feed = StillFeed()
    tell(feed, TRIAL, read_limit(ROOT))
    trial = feed.model.trials[TRIAL]
    assert not trial.running
    assert isinstance(trial.state, RateLimitState)
    assert trial.state.read is not None
    assert trial.state.read.limit is not None
    assert trial.state.read.limit.burst == LIMIT.burst


def test_what_is_read_aside_leaves_a_run_alone() -> None:
    feed = StillFeed()
    state = RateLimitState()
    tell(feed, TRIAL, Sending(Plan(3), "127.0.1.144"))
    tell(feed, TRIAL, read_limit(ROOT))
    state = feed.model.trials[TRIAL].state  # type: ignore[assignment]
    assert state.sending == Sending(Plan(3), "127.0.1.144")
