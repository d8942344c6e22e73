"""The A/B screen and labelling as pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from dashboard.events import Event
from dashboard.trials.ab import Labelled, LabellingBegun
from dashboard.trials.base import Step
from dashboard.ui.app import DashboardApp
from dashboard.ui.options import Options
from probes.labelling import Choice
from tests.dashboard.ab_story import corpus_steps, events, sentence
from tests.dashboard.pictures import Compare, at_both_sizes, recorded, whole
from tests.dashboard.screens import picture, until
from tests.dashboard.stories import START, WORKSPACE, all_fresh

pytestmark = pytest.mark.usefixtures("utc")

AT = START + 3


def story(*more: Step, running: bool = False) -> Iterator[Event]:
    yield WORKSPACE
    yield from all_fresh(START + 1)
    yield from events(START + 2, sentence())
    steps = corpus_steps(120)
    if running:
        steps = steps[:81]
    yield from events(AT, *steps, *more, ended=not running)


async def shown(pilot: Pilot[None]) -> None:
    await whole(pilot)
    await pilot.press("3")
    await until(pilot, lambda: "routed right" in picture(pilot.app), "the run")


@at_both_sizes
def test_ab(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    app = DashboardApp(recorded(tmp_path, story()), Options())
    assert snap_compare(app, terminal_size=size, run_before=shown)


@at_both_sizes
def test_ab_running_and_labelled(
    snap_compare: Compare, tmp_path: Path, size: tuple[int, int]
) -> None:
    labels: list[Step] = [LabellingBegun(1), *[Labelled(Choice.NEITHER)] * 3]
    app = DashboardApp(recorded(tmp_path, story(*labels, running=True)), Options())
    assert snap_compare(app, terminal_size=size, run_before=shown)


@at_both_sizes
def test_labelling(snap_compare: Compare, tmp_path: Path, size: tuple[int, int]) -> None:
    async def before(pilot: Pilot[None]) -> None:
        await shown(pilot)
        await pilot.press("l")
        await until(pilot, lambda: "question 2," in picture(pilot.app), "the question")

    # Begun in the recording: the shuffle is then always the same.
    labels: list[Step] = [LabellingBegun(1), Labelled(Choice.NEITHER)]
    app = DashboardApp(recorded(tmp_path, story(*labels)), Options())
    assert snap_compare(app, terminal_size=size, run_before=before)


def test_ab_light_ascii(snap_compare: Compare, tmp_path: Path) -> None:
    app = DashboardApp(recorded(tmp_path, story()), Options(light=True, ascii=True))
    assert snap_compare(app, terminal_size=(120, 40), run_before=shown)
