"""The kill drill in words: while it runs, and what it came to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.drill_lines import drill_lines
from dashboard.events import TrialBegun, TrialEnded, TrialStep
from dashboard.glyphs import ASCII, UNICODE
from dashboard.lines import plain
from dashboard.model import Model
from dashboard.trials.base import TrialName
from dashboard.trials.drill import Reported
from dashboard.view import View
from probes.verdict import Verdict
from tests.dashboard.drill_story import REPORT, STEPS, drill_events, whole_story
from tests.dashboard.stories import START, model

WIDE = View(120, 38, UNICODE)
NARROW = View(80, 22, ASCII)


def text(folded: Model, view: View = WIDE, rows: int = 20) -> str:
    lines = drill_lines(folded, view, START + 91, "v1-1", rows)
    assert len(lines) <= rows
    return "\n".join(plain(line) for line in lines)


def running(count: int) -> Model:
    return model(
        TrialBegun(START, TrialName.DRILL),
        *(TrialStep(START, TrialName.DRILL, step) for step in STEPS[:count]),
    )


def test_before_the_first_it_says_what_it_would_do() -> None:
    assert "t kills v1-1 (kill -9) under load" in text(model())


def test_while_it_runs_the_phases_come() -> None:
    assert "asking whether all are ready" in text(running(0))
    assert "v1-2 (pid 4282) under 80 requests/s" in text(running(1))
    shown = text(running(5))
    assert "3.6 s  283 requests answered, 0 wrong" in shown
    assert "load 0.0 s → killed 2.0 s → ready again ... → answers again ..." in shown


def test_the_end_is_one_sentence_and_its_figures() -> None:
    shown = text(model(*drill_events(START)))
    assert "PASSED    0 of 439 requests lost; back in 2.4 s" in shown
    assert "ready again 4.4 s → answers again 4.5 s" in shown
    for figure in ("439 x 200", "retries      3", "0.029 s", "0.012 s", "2.37 s", "2.44 s"):
        assert figure in shown
    assert "because" not in shown


def test_seven_rows_hold_every_figure() -> None:
    shown = text(model(*drill_events(START)), NARROW, 7)
    for figure in ("0 of 439", "439 x 200", "retries 3", "0.029", "0.012", "2.37", "2.44", ">"):
        assert figure in shown


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"verdict": Verdict.FAILED, "lost": 4, "reason": "4 of 439 requests were lost"},
            ("FAILED    4 of 439 requests lost; back in", "because"),
        ),
        (
            {"verdict": Verdict.FAILED, "ready_again_s": None, "serving_again_s": None},
            ("it did not come back", "not seen"),
        ),
        (
            {"verdict": Verdict.INCONCLUSIVE, "ready_again_s": None},
            ("UNDECIDED 0 of 439 requests lost; its return was not awaited", "because"),
        ),
        (
            {"verdict": Verdict.INCONCLUSIVE, "killed": False, "reason": "stopped before"},
            ("UNDECIDED stopped before",),
        ),
    ],
)
def test_what_did_not_pass_says_why(changes: dict[str, object], words: tuple[str, ...]) -> None:
    report = replace(REPORT, **changes)  # type: ignore[arg-type]
    shown = text(model(*drill_events(START, (*STEPS[:-1], Reported(report)))))
    for word in words:
        assert word in shown


def test_what_was_refused_says_so() -> None:
    folded = running(0)
    folded.apply(TrialEnded(START, TrialName.DRILL, "refused: not ready: v1-3\x1b"))
    shown = text(folded)
    assert "NOT DONE" in shown
    assert r"refused: not ready: v1-3\x1b" in shown
    folded.apply(TrialBegun(START, TrialName.DRILL))
    folded.apply(TrialEnded(START, TrialName.DRILL, "", stopped=True))
    assert "ended without a report" in text(folded)


def test_the_gap_of_the_victim_is_drawn_while_it_is_known() -> None:
    folded = model(*whole_story())
    strips = [line for line in text(folded, rows=22).splitlines() if "each second" in line]
    assert [line.split()[0] for line in strips] == ["v1-1", "v1-2", "v1-3"]
    assert "each second" not in text(folded, rows=12)
    # Five minutes later nobody knows these seconds any more.
    folded.seconds = {second + 300: tally for second, tally in folded.seconds.items()}
    assert "each second" not in text(folded, rows=22)
