"""What the Overview, a recording and its summary know of a rollout."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dashboard.experiment_questions import weight_question
from dashboard.glyphs import ASCII, UNICODE
from dashboard.lines import Tone, plain
from dashboard.model import Model
from dashboard.present import overview
from dashboard.record import from_json, to_json
from dashboard.summary import summary
from dashboard.view import View
from tests.dashboard.rollout_story import AT, STATUSES, known, story
from tests.dashboard.stories import model
from tests.dashboard.test_summary import valid

NOW = AT + 0.5


def folded(name: str) -> Model:
    return model(*story(name))


@pytest.mark.parametrize(
    ("name", "words", "tone"),
    [
        ("none", "not started", Tone.NORMAL),
        ("baseline", "baseline", Tone.NORMAL),
        ("shadow", "shadow 20 %", Tone.ACCENT),
        ("step", "step 25 %", Tone.ACCENT),
        ("hold", "HOLD at 25 % (inconclusive)", Tone.WARN),
        ("rolled back", "ROLLED BACK", Tone.BAD),
        ("promoted", "promoted, 100 %", Tone.GOOD),
        ("finished", "finished", Tone.NORMAL),
        ("dead", "25 %, ENGINE DEAD", Tone.BAD),
    ],
)
def test_the_overview_has_state_and_weight(name: str, words: str, tone: Tone) -> None:
    cells = overview(folded(name), View(120, 40, UNICODE), NOW, "")[5]
    assert cells[-1].text == f"  rollout {words}"
    assert cells[-1].tone is tone


def test_on_a_small_overview_a_rollout_stands_where_the_canary_would() -> None:
    small = View(80, 24, ASCII)
    assert plain(overview(folded("step"), small, NOW, "")[5]).endswith("  rollout step 25 %")
    ended = plain(overview(folded("rolled back"), small, NOW, "")[5])
    assert ended.endswith("canary off, shadow off")


@pytest.mark.parametrize(("name", "holds"), [("step", True), ("rolled back", False)])
def test_who_types_a_weight_is_told_of_a_rollout_under_way(name: str, holds: bool) -> None:
    asked = weight_question(folded(name))
    assert ("A rollout is under way: it holds until a person goes on with it" in asked) == holds


def test_an_engine_that_says_nothing_is_named_on_the_overview() -> None:
    cells = overview(folded("step"), View(120, 40, UNICODE), AT + 30, "")[5]
    assert cells[-1].text == "  rollout 25 %, ENGINE SILENT"


@pytest.mark.parametrize("name", STATUSES)
def test_it_reads_back_from_a_recording(name: str) -> None:
    found = known(name)
    assert from_json(json.loads(json.dumps(to_json(found)))) == found
    assert from_json(to_json(replace(found, quality=None))) == replace(found, quality=None)


def test_the_summary_of_a_recording_says_where_it_was() -> None:
    document = valid(summary(folded("hold"), AT, NOW))
    assert document["rollout"] == {
        "phase": "hold",
        "weight": 25,
        "shadow": 0,
        "cause": "inconclusive",
        "engine_alive": True,
    }
    assert valid(summary(folded("none"), AT, NOW))["rollout"] is None
