"""docs/keys.md has the keys that the program has; the recorded day can be read."""

from __future__ import annotations

from pathlib import Path

from dashboard.model import Model
from dashboard.record import read_recording
from dashboard.trials.base import TrialName
from dashboard.ui.bindings import markdown_table

ROOT = Path(__file__).parents[2]


def test_the_page_shows_the_keys_that_there_are() -> None:
    page = (ROOT / "docs/keys.md").read_text(encoding="utf-8")
    assert page.endswith(f"\n\n{markdown_table().strip()}\n"), (
        "paste dashboard.ui.bindings.markdown_table()"
    )


def test_the_demo_is_a_recording_of_every_instance() -> None:
    events = list(read_recording(ROOT / "docs/demo.jsonl"))
    served = {event.access.instance for event in events if hasattr(event, "access")}
    assert {"v1-1", "v1-2", "v1-3", "v2-1"} <= served


def test_the_demo_shows_every_test_to_its_end() -> None:
    model = Model()
    for event in read_recording(ROOT / "docs/demo.jsonl"):
        model.apply(event)
    assert set(model.trials) == set(TrialName)
    assert all(trial.ended and trial.state.outcome for trial in model.trials.values())
