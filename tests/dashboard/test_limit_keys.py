"""Every key of the Rate limit screen does what its label says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from dashboard.jobs import ratelimit
from dashboard.trials.base import TrialName
from dashboard.ui.app import DashboardApp
from dashboard.ui.rate_limit import RateLimitScreen
from probes.ratelimit import Plan, Shot
from probes.workspace import Workspace
from tests.dashboard.limit_story import as_expected
from tests.dashboard.screens import StillFeed, dashboard, picture, press, run, until

ROOT = Path(__file__).parents[2]


async def open_screen(app: DashboardApp, pilot: Pilot[None]) -> RateLimitScreen:
    await press(pilot, "nav.rate_limit")
    await until(pilot, lambda: isinstance(app.screen, RateLimitScreen), "the screen")
    await until(pilot, lambda: "predict.conf:6" in picture(app), "the limit")
    assert isinstance(app.screen, RateLimitScreen)
    return app.screen


def answering(wait: Callable[[], object]) -> Callable[..., Generator[Shot, None, None]]:
    """A gateway that calls `wait` after 10 answers."""

    def volley(_: Workspace, source: str, plan: Plan) -> Generator[Shot, None, None]:
        for shot in as_expected(plan):
            if shot.number == 10:
                wait()
            yield shot

    return volley


def test_number_and_rate_are_chosen() -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        screen = await open_screen(app, pilot)
        assert screen.plan == Plan(42)
        await press(pilot, "limit.more")
        assert screen.plan == Plan(60)
        await press(pilot, "limit.fewer", "limit.fewer")
        assert screen.plan == Plan(30)
        await press(pilot, "limit.slower", "limit.slower", "limit.faster")
        assert screen.plan == Plan(30, 50.0)
        assert "30 requests  at 50 a second" in picture(app)

    run(dashboard(root=ROOT), test)


def test_the_command_is_that_of_the_plan() -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_screen(app, pilot)
        await press(pilot, "limit.fewer", "limit.copy")
        assert app.clipboard.startswith("for n in $(seq 30); do curl ")
        assert app.clipboard.endswith("& done | sort | uniq -c")

    run(dashboard(root=ROOT), test)


def test_t_sends_and_the_verdict_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratelimit, "volley", answering(lambda: None))

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_screen(app, pilot)
        await press(pilot, "limit.run")
        await until(pilot, lambda: "PASSED" in picture(app), "the verdict")
        assert "observed 21 of 42" in picture(app)
        await press(pilot, "limit.fewer", "limit.run")
        await until(pilot, lambda: "observed 21 of 30" in picture(app), "the second one")
        await until(pilot, lambda: " before" in picture(app), "the first one")

    run(dashboard(root=ROOT), test)


def test_a_full_stop_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr(ratelimit, "volley", answering(lambda: goes_on.wait(20)))

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_screen(app, pilot)
        await press(pilot, "limit.run")
        await until(pilot, lambda: "10 of 42 answered" in picture(app), "ten answers")
        await press(pilot, "limit.stop")
        goes_on.set()
        await until(pilot, lambda: "STOPPED" in picture(app), "the end")
        assert "this decides nothing" in picture(app)

    run(dashboard(root=ROOT), test)


def test_one_address_has_to_recover_first(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Plan] = []
    monkeypatch.setattr(ratelimit, "rested", lambda settings: "")

    def volley(_: Workspace, source: str, plan: Plan) -> Generator[Shot, None, None]:
        sent.append(plan)
        yield from as_expected(plan)

    monkeypatch.setattr(ratelimit, "volley", volley)

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        assert isinstance(app.feed, StillFeed)
        await open_screen(app, pilot)
        await press(pilot, "limit.run")
        await until(pilot, lambda: "PASSED" in picture(app), "the verdict")
        await press(pilot, "limit.run")
        await until(
            pilot, lambda: any("recovers" in n.message for n in app._notifications), "the words"
        )
        assert len(sent) == 1
        app.feed.at += 2.2
        await press(pilot, "limit.run")
        await until(pilot, lambda: len(sent) == 2, "the second one")

    run(dashboard(root=ROOT), test)


@pytest.mark.parametrize("read_only", [True, False])
def test_nothing_is_sent_where_it_may_not(monkeypatch: pytest.MonkeyPatch, read_only: bool) -> None:
    sent: list[Plan] = []
    monkeypatch.setattr(ratelimit, "volley", lambda *args: sent.append(args[-1]))

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await press(pilot, "nav.rate_limit")
        await until(pilot, lambda: isinstance(app.screen, RateLimitScreen), "the screen")
        await press(pilot, "limit.run", "limit.stop", "limit.more", "limit.copy")
        assert not app.screen.check_action("run_test", ())
        assert app.feed.model.trials.keys() <= {TrialName.RATE_LIMIT}

    # Read-only, and a replay, which has no workspace.
    run(dashboard(root=ROOT if read_only else None, read_only=read_only), test)
    assert not sent
