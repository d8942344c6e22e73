"""No text of a recording steers the terminal that shows it, on whatever screen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widget import Widget

from dashboard.events import Event, Hit, ProcessLog, PrometheusState, SourceName, SourceStatus
from dashboard.events import SourceState as State
from dashboard.replay import ReplayFeed
from dashboard.trials.ab import Labelled, LabellingBegun
from dashboard.ui.app import DashboardApp
from dashboard.ui.options import Options
from probes.labelling import Choice
from probes.ratelimit import Plan
from tests.dashboard import ab_story, checks_story, limit_story, ray_story, rollout_story
from tests.dashboard.drill_story import whole_story
from tests.dashboard.pictures import whole
from tests.dashboard.poisoned import write
from tests.dashboard.screens import run, until
from tests.dashboard.stories import START, hit

LATE = rollout_story.AT + 1.0


def thinned(events: Iterator[Event]) -> Iterator[Event]:
    """What is declared, a few requests, and the last seconds: a story is long for its pictures."""
    for number, event in enumerate(events):
        late = event.at > START + 83 and not isinstance(event, Hit)
        if number == 0 or late or number % 97 == 0:
            yield event


def story() -> Iterator[Event]:
    """Everything that a recording can hold."""
    yield from thinned(whole_story())
    yield from limit_story.begun(Plan(42), limit_story.as_expected(Plan(42)))
    yield limit_story.ended("refused")
    yield from checks_story.ran(checks_story.mixed())
    yield checks_story.ended(checks_story.AT + 3.3, "stopped")
    yield ProcessLog(START + 200, "v1-1", ("a line", "another"))
    yield from ab_story.events(START + 201, ab_story.sentence())
    yield from ab_story.events(
        START + 202, *ab_story.corpus_steps(60), LabellingBegun(1), Labelled(Choice.NEITHER)
    )
    yield from rollout_story.story("rolled back")
    known = rollout_story.known("rolled back", LATE)
    assert known.status is not None
    yield replace(known, status=replace(known.status, problem="a problem"))
    for who in ("v1-1", "v2-1", ""):
        yield hit(LATE - 1, who)
    yield PrometheusState(LATE, 4, 6, 9, ("InstanceDown v1-2",), ("InstanceDown v1-2",))
    yield replace(ray_story.WELL, at=LATE)
    yield SourceStatus(LATE, SourceName.NGINX, State.FAILING, "what is wrong")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "story.jsonl"
    write(path, story())
    return path


def drawn(pilot: Pilot[None]) -> str:
    """Every character that the widgets of the screen in front draw, by their own hand."""
    widgets = [each for each in pilot.app.screen.walk_children(Widget) if not each.children]
    return "".join(
        segment.text
        for widget in widgets
        for y in range(widget.size.height)
        for segment in widget.render_line(y)
    )


SIZE = (200, 60)
"""Wide enough for all that any screen shows."""
SCREENS = {
    "overview": ("1",),
    "traffic": ("2", "down"),
    "a request": ("2", "down", "enter"),
    "A/B": ("3",),
    "labelling": ("3", "l"),
    "rate limit": ("4",),
    "checks": ("5", "down"),
    "processes": ("6", "down", "enter"),
    "rollout": ("7",),
    "a decision": ("7", "e"),
}


def test_it_is_shown_and_steers_nothing(recording: Path) -> None:
    seen: dict[str, str] = {}

    async def look(_app: DashboardApp, pilot: Pilot[None]) -> None:
        await whole(pilot)
        for name, keys in SCREENS.items():
            for key in keys:
                await pilot.press(key)
            # It is there to be seen.
            await until(pilot, lambda: "[2J" in drawn(pilot), f"{name} with the text")
            seen[name] = drawn(pilot)
            await pilot.press("escape")

    run(DashboardApp(ReplayFeed(recording, float("inf")), Options()), look, SIZE)
    for name, text in seen.items():
        assert not {character for character in text if not character.isprintable()}, name
