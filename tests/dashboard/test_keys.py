"""Every key does what its label says."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from dashboard.actions import start_traffic
from dashboard.lines import plain
from dashboard.ui import app as app_module
from dashboard.ui.app import DashboardApp
from dashboard.ui.bindings import KEYS, Scope, markdown_table
from dashboard.ui.help import HelpScreen, help_lines
from dashboard.ui.keymap import keymap
from dashboard.ui.line_view import LineView
from dashboard.ui.options import Options
from dashboard.ui.overview import OverviewScreen
from dashboard.ui.screen import Tabs
from dashboard.ui.traffic import TrafficScreen
from dashboard.window import Window
from gateway.errors import ConfigurationError
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


def test_digits_show_screens() -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_traffic(app, pilot)
        await press(pilot, "nav.overview")
        await until(pilot, lambda: isinstance(app.screen, OverviewScreen), "Overview")

    run(dashboard(), test)


def test_freezing_keeps_the_picture_and_counts_on() -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        assert isinstance(app.feed, StillFeed)
        await press(pilot, "view.freeze")
        await until(pilot, lambda: "FROZEN" in picture(app), "FROZEN")
        before = app.feed.model.hits
        app.feed.add(*(hit(NOW, "v2-1", 500) for _ in range(7)))
        await until(pilot, lambda: "7 waiting" in picture(app), "what waits")
        assert app.shown[0].hits == before
        assert "5xx 0" in picture(app)
        await pilot.press("space")
        await until(pilot, lambda: "5xx 7" in picture(app), "what waited")

    run(dashboard(), test)


def test_the_window_goes_round() -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        assert app.window is Window.MINUTE
        await press(pilot, "view.window", "view.window")
        await until(pilot, lambda: "window all" in picture(app), "the window")
        total = app.feed.model.totals.total()
        assert app.feed.model.window(app.window, NOW).total() == total
        await pilot.press("w", "w")
        assert app.window is Window.MINUTE

    run(dashboard(), test)


def test_z_counts_from_now_on_and_back() -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        assert isinstance(app.feed, StillFeed)
        total = app.feed.model.totals.total()
        await press(pilot, "view.mark")
        await until(pilot, lambda: "since " in picture(app), "the mark")
        app.feed.add(*(hit(NOW + 1, "v2-1", 500) for _ in range(7)))
        await until(pilot, lambda: "5xx 7" in picture(app), "what came since")
        assert app.feed.model.window(app.window, NOW + 1).total() == 7
        await press(pilot, "view.mark")
        await until(pilot, lambda: "window all" in picture(app), "everything")
        assert app.feed.model.window(app.window, NOW + 1).total() == total + 7

    run(dashboard(), test)


def test_g_starts_traffic(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    roots: list[Path] = []

    def started(root: Path) -> tuple[bool, str]:
        roots.append(root)
        return True, "traffic: it runs"

    monkeypatch.setattr(app_module, "start_traffic", started)

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await press(pilot, "traffic.start")
        await until(pilot, lambda: roots, "the start")
        await until(
            pilot, lambda: any("it runs" in n.message for n in app._notifications), "the words"
        )

    run(dashboard(root=tmp_path), test)
    assert roots == [tmp_path]


@pytest.mark.parametrize("read_only", [True, False])
def test_nothing_is_changed_where_it_may_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, read_only: bool
) -> None:
    roots: list[Path] = []

    def started(root: Path) -> tuple[bool, str]:
        roots.append(root)
        return True, ""

    monkeypatch.setattr(app_module, "start_traffic", started)

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await pilot.press("g", "w")
        assert not app.check_action("start_traffic", ())
        assert not app.workers

    # Read-only, and a replay, which has no workspace.
    run(dashboard(root=tmp_path if read_only else None, read_only=read_only), test)
    assert not roots


def test_traffic_that_cannot_start_says_why(tmp_path: Path) -> None:
    ok, words = start_traffic(tmp_path)
    assert not ok
    assert words


def test_help_lists_every_key() -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await press(pilot, "app.help")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen), "the help")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, OverviewScreen), "Overview")

    run(dashboard(), test)
    text = "\n".join(plain(line) for line in help_lines(KEYS, Scope.OVERVIEW, 200))
    for key in KEYS:
        assert f"   {key.shown:<12}{key.help}" in text


@pytest.mark.parametrize("columns", [40, 60, 92])
def test_no_word_of_the_help_is_cut_off(columns: int) -> None:
    lines = [plain(line) for line in help_lines(KEYS, Scope.ROLLOUT, columns)]
    assert max(map(len, lines)) <= columns
    said = " ".join(" ".join(lines).split())
    for key in KEYS:
        assert f"{key.shown} {key.help}" in said


def test_help_begins_with_the_screen_it_was_asked_on() -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await open_traffic(app, pilot)
        await press(pilot, "app.help")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen), "the help")
        await until(pilot, lambda: picture(app).startswith(" Traffic (this screen)"), "its keys")

    run(dashboard(), test, size=(80, 24))


def test_commands_are_those_of_the_table() -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await press(pilot, "app.commands")
        await until(pilot, lambda: "Palette" in type(app.screen).__name__, "the palette")
        await pilot.press("escape")
        names = {command.title for command in app.get_system_commands(app.screen)}
        expected = {
            key.label
            for key in KEYS
            if key.scope in (Scope.EVERYWHERE, Scope.OVERVIEW)
            and not key.changes
            and key.id != "app.commands"
        }
        assert names == expected | {"theme"}

    run(dashboard(), test)


def test_q_quits_with_0() -> None:
    app = dashboard()

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        assert isinstance(app.feed, StillFeed)
        feed = app.feed
        await until(pilot, lambda: feed.started, "the start of the feed")
        await press(pilot, "app.quit")
        await until(pilot, lambda: app.return_code is not None, "the end")

    run(app, test)
    assert app.return_code == 0
    assert isinstance(app.feed, StillFeed)
    assert app.feed.stopped


def test_a_tick_while_the_screens_close_is_harmless() -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await press(pilot, "app.quit")

    app = dashboard()
    run(app, test)
    app.tick()


def test_a_row_of_the_overview_opens_its_requests() -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await press(pilot, "row.down", "row.down", "row.down", "row.up", "row.open")
        await until(pilot, lambda: isinstance(app.screen, TrafficScreen), "Traffic")
        assert isinstance(app.screen, TrafficScreen)
        assert str(app.screen.filter) == "inst=v1-2"

    run(dashboard(), test)


def test_a_click_on_a_row_opens_its_requests() -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        lines = app.screen.query_one(LineView).lines
        row = next(i for i, line in enumerate(lines) if plain(line).startswith(" v2-1"))
        await pilot.click("#overview", offset=(3, row))
        await until(pilot, lambda: isinstance(app.screen, TrafficScreen), "Traffic")
        assert isinstance(app.screen, TrafficScreen)
        assert str(app.screen.filter) == "inst=v2-1"

    run(dashboard(), test)


def test_where_the_footer_ends_early_help_stands_above() -> None:
    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await pilot.click(Tabs, offset=(76, 0))
        await until(pilot, lambda: isinstance(app.screen, HelpScreen), "the help")

    run(dashboard(), test, size=(80, 24))


def test_keys_can_be_moved() -> None:
    app = DashboardApp(StillFeed(), Options(keymap={"view.freeze": "f"}))

    async def test(app: DashboardApp, pilot: Pilot[None]) -> None:
        await pilot.press("f")
        await until(pilot, lambda: app.frozen, "the freeze")
        commands = {each.title: each.help for each in app.get_system_commands(app.screen)}
        assert commands["freeze"].endswith("(f)")
        await press(pilot, "app.help")
        await until(pilot, lambda: "   f           stop the picture" in picture(app), "the help")

    run(app, test)


def test_keys_may_change_places() -> None:
    help_away = ("app.help", "f1")
    space = ("view.window", "0,space")
    moved = keymap([("view.freeze", "w"), space, ("list.filter", "?"), help_away])
    assert moved["view.window"] == "0,space"
    assert moved["list.filter"] == "question_mark"


@pytest.mark.parametrize(
    ("moved", "said"),
    [
        (("view.freeze", "w"), "w is view.window already"),
        (("list.filter", "q"), "q is app.quit already"),
        (("app.quit", "/"), "slash is .* already"),
        (("no.such", "x"), "there is no binding 'no.such'"),
    ],
)
def test_a_key_with_another_meaning_is_refused(moved: tuple[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        keymap([moved])


def test_a_key_of_a_dialog_may_be_one_of_the_screen_below() -> None:
    assert keymap([("confirm.yes", "w")]) == {"confirm.yes": "w"}


def test_the_table_for_the_readme_holds_every_key() -> None:
    rows = markdown_table().splitlines()[2:]
    assert len(rows) == len(KEYS)
    assert all(
        f"`{key.shown}`" in row and key.help in row for key, row in zip(KEYS, rows, strict=True)
    )


def test_no_key_needs_a_function_key_or_control() -> None:
    plain = {"slash", "colon", "question_mark", "full_stop", "space", "enter", "escape"}
    for key in KEYS:
        names = key.keys.split(",")
        # Arrows, + and so on are there for those who have them.
        assert any(name in plain or (len(name) == 1 and name.isalnum()) for name in names), key.id
        assert not any("+" in name for name in names)


def test_no_two_keys_of_one_place_are_the_same() -> None:
    for scope in Scope:
        # What lies over a screen is no mode: the keys that work everywhere do not work there.
        is_screen = scope.mode in DashboardApp.MODES
        together = (scope, Scope.EVERYWHERE) if is_screen else (scope,)
        names = [name for key in KEYS if key.scope in together for name in key.keys.split(",")]
        assert len(names) == len(set(names))
    assert len({key.id for key in KEYS}) == len(KEYS)


def test_every_key_is_tried_here() -> None:
    here = Path(__file__).parent
    files = [*here.glob("test_*keys.py"), here / "screens.py"]
    source = "".join(path.read_text(encoding="utf-8") for path in files)
    missing = [key.id for key in KEYS if f'"{key.id}"' not in source]
    assert not missing, f"no test presses {missing}"
