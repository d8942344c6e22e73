"""What the Rollout screen says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.events import RolloutState, SourceName, SourceState, SourceStatus
from dashboard.glyphs import ASCII, UNICODE
from dashboard.lines import Tone, plain, width
from dashboard.model import Model
from dashboard.rollout_lines import Picture, rollout
from dashboard.rollout_words import SILENT_AFTER_S
from dashboard.view import View
from rollout.split import SplitCounts
from rollout.state import Cause, Phase
from rollout.status import Status
from tests.dashboard.rollout_story import AT, DECISIONS, SEEN, STATE, STATUSES, STEP, held, story
from tests.dashboard.stories import model

WIDE, NARROW = View(120, 38, UNICODE), View(80, 22, ASCII)
BOTH = pytest.mark.parametrize("view", [WIDE, NARROW], ids=["wide", "narrow"])
NOW = AT + 0.5


def folded(name: str, *, status: Status | None = None, alive: bool = True) -> Model:
    """One of the stories, or another status."""
    found = model(*story(name))
    if status is not None:
        found.apply(RolloutState(NOW, status, alive))
    return found


def drawn(found: Model, view: View = WIDE, now: float = NOW, *, may_act: bool = True) -> Picture:
    return rollout(found, view, now, None, "window 1 m  live ", may_act)


def text(found: Model, view: View = WIDE, now: float = NOW, *, may_act: bool = True) -> str:
    """The whole screen as one line, so that it does not matter where lines are cut."""
    lines = drawn(found, view, now, may_act=may_act).lines
    return " ".join(" ".join(plain(line).split()) for line in lines)


def line(found: Model, start: str, view: View = WIDE, now: float = NOW) -> str:
    """The one that begins so, without what only fills it up."""
    every = [" ".join(plain(each).split()) for each in drawn(found, view, now).lines]
    return next(each for each in every if each.startswith(start))


@pytest.mark.parametrize("name", STATUSES)
@pytest.mark.parametrize("columns", [80, 100, 120, 200])
@pytest.mark.parametrize("rows", [16, 22, 38])
def test_it_fits_the_screen(name: str, columns: int, rows: int) -> None:
    for glyphs in (UNICODE, ASCII):
        shown = drawn(folded(name), View(columns, rows, glyphs), AT + 42)
        assert len(shown.lines) == len(shown.seqs) <= rows
        assert all(width(plain(each)) <= columns for each in shown.lines)
        assert glyphs is UNICODE or "".join(map(plain, shown.lines)).isascii()


@pytest.mark.parametrize("name", [name for name in STATUSES if name != "none"])
def test_what_matters_fits_the_small_one(name: str) -> None:
    found, now = folded(name), AT + 42
    shown = drawn(found, NARROW, now)
    assert shown.cursor is not None, "no decision is shown"
    assert STATUSES[name] is not None
    wide = text(found, WIDE, now)
    for label in (" why ", " do ", " NEXT ", " sees ", " tripped "):
        assert (label in wide) == (label in text(found, NARROW, now)), label


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none", "NOT STARTED no rollout was ever started here"),
        ("baseline", "BASELINE v1 → v2 before step 1 of 5 for 6 m 40 s engine alive (pid 4121)"),
        ("shadow", "SHADOW v1 → v2 step 1 of 5 copies of 20 % of requests for 6 m 40 s"),
        ("step", "STEP v1 → v2 step 3 of 5 25 % of users for 6 m 40 s engine alive (pid 4121)"),
        ("hold", "HOLD v1 → v2 step 3 of 5 25 % of users held for 12 s engine alive (pid 4121)"),
        ("rolled back", "ROLLED BACK v1 → v2 v1 answers everybody again, for 12 s"),
        ("promoted", "PROMOTED v1 → v2 v2 answers everybody and is watched for 6 m 40 s"),
        ("finished", "FINISHED v1 → v2 the candidate is the baseline, for 12 s"),
        ("dead", "ENGINE DEAD the gateway keeps the last weight, 25 %; no guardrail acts"),
    ],
)
def test_the_first_line_says_where_it_is(name: str, words: str) -> None:
    assert text(folded(name)).startswith(words)


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("baseline", "BASELINE ● ── SHADOW ── 5 % ── 25 % ── 50 % ── 100 % ── finish"),
        ("shadow", "BASELINE ✓ ── SHADOW ● ── 5 % ── 25 % ── 50 % ── 100 % ── finish"),
        ("step", "BASELINE ✓ ── SHADOW ✓ ── 5 % ✓ ── 25 % ● ── 50 % ── 100 % ── finish"),
        ("hold", "BASELINE ✓ ── SHADOW ✓ ── 5 % ✓ ── 25 % ■ ── 50 % ── 100 % ── finish"),
        ("rolled back", "BASELINE ✓ ── SHADOW ✓ ── 5 % ✓ ── 25 % ✕ ── 50 % ── 100 % ── finish"),
        ("promoted", "BASELINE ✓ ── SHADOW ✓ ── 5 % ✓ ── 25 % ✓ ── 50 % ✓ ── 100 % ✓ ── finish ●"),
        ("finished", "BASELINE ✓ ── SHADOW ✓ ── 5 % ✓ ── 25 % ✓ ── 50 % ✓ ── 100 % ✓ ── finish ✓"),
    ],
)
def test_the_way_has_its_marks(name: str, way: str) -> None:
    assert line(folded(name), "BASELINE ✓" if way[9] == "✓" else "BASELINE ●") == way


def test_a_rollback_out_of_the_shadow_is_marked_there() -> None:
    fallen = STATUSES["rolled back"]
    assert fallen is not None
    last = replace(fallen.decisions[-1], weight_before=0)
    status = replace(fallen, decisions=(*DECISIONS[:2], last))
    assert "SHADOW ✕ ── 5 % ──" in text(folded("step", status=status))


def test_a_plan_without_a_shadow_has_one_step_less() -> None:
    plan = replace(STEP.plan, shadow=replace(STEP.plan.shadow, percent=0))
    found = text(folded("step", status=replace(STEP, plan=plan)))
    assert "step 2 of 4" in found
    assert "SHADOW" not in found.partition("guardrail")[0]


def test_each_guardrail_has_its_evidence_and_when_it_rolls_back() -> None:
    found = folded("step")
    assert line(found, "failed attempts") == (
        "failed attempts are v2's █░░░░░░░ e = 1.3 3 failed, 1 on v2 more than 2x v1's rate"
    )
    slow = "█████░░░ e = 190 25 slow (> 4.1 ms), 16 on v2 more than 1.25x v1's rate"
    assert line(found, "slow answers") == f"slow answers are v2's {slow}"
    assert line(found, "hard stop").startswith("hard stop ░░░░░░░░ e = 1.0 0.1 % of 812 attempts")
    # On a scale of logarithms: 190 of 3,000 is two thirds of the way, and warns.
    warned = next(each for each in drawn(found).lines if plain(each).startswith(" slow"))
    assert warned[1].tone is Tone.WARN


def test_where_there_is_little_room_the_nearest_guardrail_says_when() -> None:
    words = "slow answers are v2's: rolls back at more than 1.25x v1's rate"
    assert line(folded("step"), "nearest", NARROW) == f"nearest {words}"


def test_nobody_is_left_to_compare_with_at_100() -> None:
    found = text(folded("promoted"))
    assert "failed attempts are v2's ░░░░░░░░ not measured nobody to compare with never" in found
    assert "a slower v2 not at all, nobody is left to compare with" in found
    assert "gate" not in found


@BOTH
def test_the_gate_says_what_is_missing(view: View) -> None:
    found = folded("step")
    assert line(found, "gate", view).endswith("50 % when each of these is so")
    assert "164 of 200 users of v2" in line(found, "users seen", view)
    assert UNICODE.done not in line(found, "users seen", view)
    done = view.glyphs.done
    assert line(found, "time observed", view).startswith(f"time observed {done}")
    assert line(found, "users split", view) == (
        f"users split as configured {done} 24.7 % of 664 users; e = 0.4, holds at 100"
    )


def test_a_warm_up_is_said() -> None:
    status = replace(STEP, seen=replace(SEEN, warm_at=AT + 12))
    assert line(folded("step", status=status), "gate").endswith("; warm-up, 12 s to go")
    assert "warm-up" not in text(folded("step"))


def test_a_split_that_was_wrong_stays_wrong() -> None:
    # What decides is the largest evidence, not the present one.
    seen = replace(SEEN, split=SplitCounts(500, 164, 0.0, 4.7))
    wrong = next(
        each
        for each in drawn(folded("step", status=replace(STEP, seen=seen))).lines
        if plain(each).startswith(" users split")
    )
    assert wrong[-1].tone is Tone.BAD
    assert "✓" not in plain(wrong)


def test_a_step_beyond_the_capacity_is_no_gate_that_opens() -> None:
    found = folded("step")
    assert line(found, "capacity") == "capacity ✓ 50 % would be 4.2 requests/s (at most 32.0)"
    slow = replace(STEP, facts=replace(STEP.facts, capacity=5.0))
    assert line(folded("step", status=slow), "capacity") == (
        "capacity 50 % would be 4.2 requests/s (at most 4.0)"
    )
    unknown = replace(STEP, facts=replace(STEP.facts, capacity=None))
    assert "capacity" not in text(folded("step", status=unknown))


@BOTH
def test_quality_is_not_measured_here(view: View) -> None:
    said = line(folded("step"), "quality", view)
    assert said.startswith("quality not measured ")
    assert "last A/B 4h00m ago: passed" in said
    without = folded("step", status=STEP)
    assert line(without, "quality", view).endswith("; no labelled A/B yet: o")


def test_what_so_much_traffic_shows_and_what_comes_next() -> None:
    found = text(folded("step"))
    assert "sees at 2.1 v2 requests/s: v2 down is seen in about " in found
    assert "NEXT 50 % in about 1 m 21 s, if nothing changes" in found


@pytest.mark.parametrize("cause", list(Cause))
@BOTH
def test_every_hold_says_why_and_what_to_do(cause: Cause, view: View) -> None:
    found = text(folded("step", status=held(cause, "this is the reason")), view)
    paused = cause is Cause.PAUSED
    assert f"why {'' if paused else f'{cause}: '}this is the reason" in found
    assert ("this is the reason (engine)" in found) == paused
    assert " do " in found
    assert "meanwhile the guardrails still act" in found
    assert f"NEXT nothing until a person resumes, promotes or aborts ({cause})" in found


def test_a_hold_without_a_weight_has_no_guardrails() -> None:
    state = replace(STATE, phase=Phase.HOLD, cause=Cause.PAUSED, held=Phase.SHADOW, weight=0)
    found = text(folded("step", status=replace(STEP, state=state)))
    assert "evidence, log scale" not in found
    assert "SHADOW ■" in found


def test_a_rollback_says_what_tripped_with_its_counts() -> None:
    found = text(folded("rolled back"))
    assert "tripped 14 of the last 17 failed requests were v2's" in found
    assert "#9 by engine, 12 s ago; 25 % before, 0 % after" in found
    assert "do once the candidate is corrected, s starts another rollout" in found
    assert "evidence, log scale" not in found


def test_what_a_person_aborted_has_tripped_nothing() -> None:
    fallen = STATUSES["rolled back"]
    assert fallen is not None
    last = replace(fallen.decisions[-1], actor="ada", reason="aborted by a person")
    found = text(folded("step", status=replace(fallen, decisions=(*DECISIONS, last))))
    assert "why aborted by a person decision #9 by ada" in found
    assert "tripped" not in found


def test_an_engine_that_is_dead_says_what_to_do() -> None:
    found = text(folded("dead"), now=AT + 42)
    assert "its last word 42 s ago" in found
    assert "do s starts the engine again, it goes on where it was" in found
    assert "NEXT nothing: no engine runs" in found
    # What the gateway does, not what the engine believed.
    other = folded("dead")
    assert other.experiment is not None
    other.apply(replace(other.experiment, weight=40))
    assert "the last weight, 40 %" in text(other)


@pytest.mark.parametrize("name", ["rolled back", "finished"])
def test_an_engine_that_ended_after_the_end_is_no_trouble(name: str) -> None:
    assert "DEAD" not in text(folded(name, status=STATUSES[name], alive=False))


def test_an_engine_that_says_nothing_is_not_trusted() -> None:
    assert "SILENT" not in text(folded("step"), now=AT + SILENT_AFTER_S)
    found = text(folded("step"), now=AT + SILENT_AFTER_S + 1)
    assert found.startswith("ENGINE SILENT it runs (pid 4121) and has said nothing for 11 s")
    assert "r on rollout in 6 Processes" in found


def test_what_the_engine_cannot_do_is_said() -> None:
    found = folded("step", status=replace(STEP, problem="restarts are of earlier: \x1b[2J"))
    assert "engine restarts are of earlier: \\x1b[2J" in text(found)


@BOTH
def test_before_the_first_one_it_says_what_a_rollout_is(view: View) -> None:
    found = text(folded("none"), view)
    assert "v2 gets copies of requests, then more and more of the users." in found
    assert "policy rollout/rollout.yaml" in found
    assert "python -m dashboard rollout start --policy FILE" in found
    assert "start s starts one" in found


def test_keys_that_are_not_there_are_not_named() -> None:
    assert "s starts" not in text(folded("none"), may_act=False)
    for name in ("hold", "rolled back", "finished"):
        assert " do " not in text(folded(name), may_act=False)
    assert "do why it ended: var/logs/rollout.log" in text(folded("dead"), may_act=False)


def test_a_status_that_cannot_be_read_is_said_beside_the_last_one() -> None:
    failing = SourceStatus(NOW, SourceName.ROLLOUT, SourceState.FAILING, "status.json: damaged")
    found = folded("step")
    found.apply(failing)
    assert "status status.json: damaged" in text(found)
    assert text(found).startswith("STEP ")
    nothing = Model()
    nothing.apply(failing)
    assert text(nothing).startswith("UNKNOWN nobody has said anything about a rollout")
    assert "status status.json: damaged" in text(nothing)
