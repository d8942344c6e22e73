"""Every key of the Traffic screen does what its label says."""

from __future__ import annotations

import pytest
from textual.containers import VerticalScroll
from textual.pilot import Pilot
from textual.widgets import Input

from dashboard.ui.app import DashboardApp
from dashboard.ui.detail import DetailScreen
from tests.dashboard.screens import (
    NOW,
    StillFeed,
    dashboard,
    open_traffic,
    picture,
    press,
    run,
    until,
)
from tests.dashboard.stories import hit


def test_the_list_is_frozen_too_and_can_be_filtered() -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        assert isinstance(app.feed, StillFeed)
        screen = await open_traffic(app, pilot)
        await press(pilot, "view.freeze")
        app.feed.add(hit(NOW, "v2-1", 599))
        await press(pilot, "list.filter")
        await pilot.press(*"status>=500", "enter")
        await until(pilot, lambda: str(screen.filter) == "status>=500", "the filter")
        assert not screen.selection.requests
        await pilot.press("space")
        await until(pilot, lambda: len(screen.selection.requests) == 1, "the new one")

    run(dashboard(), test)


def test_moving_stays_with_the_request_that_was_chosen() -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        assert isinstance(app.feed, StillFeed)
        screen = await open_traffic(app, pilot)
        await press(pilot, "list.down", "list.down", "list.down", "list.up")
        chosen = screen.selection.requests[1]
        assert screen.chosen is chosen
        app.feed.add(*(hit(NOW) for _ in range(60)))
        app.repaint()
        assert screen.chosen is chosen
        assert chosen.request_id[:18] in picture(app)
        await press(pilot, "list.latest")
        assert screen.chosen is None

    run(dashboard(), test)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("list.status", "status={access.status}"),
        ("list.instance", "inst={who}"),
        ("list.user", "user={access.user_id}"),
    ],
)
def test_a_request_narrows_the_filter(key: str, expected: str) -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        screen = await open_traffic(app, pilot)
        await press(pilot, "list.down")
        access = screen.chosen
        assert access is not None
        await press(pilot, key)
        who = app.feed.model.answered_by(access)
        assert str(screen.filter) == expected.format(access=access, who=who)
        await press(pilot, "list.clear")
        assert not screen.filter.terms

    run(dashboard(), test)


def test_a_wrong_filter_is_explained_and_stays_open() -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        screen = await open_traffic(app, pilot)
        await press(pilot, "list.filter")
        await pilot.press(*"colour=red", "enter")
        await until(
            pilot, lambda: any("no field" in n.message for n in app._notifications), "the words"
        )
        assert screen.query_one(Input).has_class("-open")
        await pilot.press("escape")
        assert not screen.query_one(Input).has_class("-open")
        assert not screen.filter.terms

    run(dashboard(), test)


def test_a_request_opens_and_is_copied() -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        screen = await open_traffic(app, pilot)
        access = screen.selection.requests[0]
        await press(pilot, "list.curl")
        assert app.clipboard.startswith("curl --cacert nginx/certs/nginx.crt")
        await press(pilot, "list.json")
        assert f'"request_id": "{access.request_id}"' in app.clipboard
        await press(pilot, "list.open")
        await until(pilot, lambda: isinstance(app.screen, DetailScreen), "the request")
        await until(pilot, lambda: access.request_id in picture(app), "its fields")
        box = app.screen.query_one(VerticalScroll)
        assert not box.border_subtitle
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "up and down scroll" in str(box.border_subtitle), "how")
        await press(pilot, "detail.curl")
        assert app.clipboard.startswith("curl ")
        await press(pilot, "detail.json")
        assert app.clipboard.startswith("{")
        await press(pilot, "detail.close")
        await until(pilot, lambda: app.screen is screen, "the list")

    run(dashboard(), test)
