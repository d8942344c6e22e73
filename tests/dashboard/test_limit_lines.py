"""What the Rate limit screen says."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.events import Event
from dashboard.glyphs import ASCII, UNICODE
from dashboard.limit_lines import rate_limit, recovering_s, strip
from dashboard.lines import Tone, plain, width
from dashboard.trials.ratelimit import LimitRead
from dashboard.view import View
from gateway.errors import Place
from probes.limit_files import RateLimit
from probes.ratelimit import Plan
from tests.dashboard.limit_story import (
    AT,
    LIMIT,
    READ,
    SOURCE,
    as_expected,
    before,
    begun,
    burst,
    ended,
    step,
)
from tests.dashboard.stories import model

WIDE, NARROW = View(120, 38, UNICODE), View(80, 22, ASCII)
BURST = Plan(42)
STATE = "window 1 m  live "


def screen(
    events: Iterable[Event], view: View = WIDE, now: float = AT + 1.1, plan: Plan | None = BURST
) -> list[str]:
    return [plain(line) for line in rate_limit(model(*events), view, now, plan, STATE)]


def text(*args: object, **kwargs: object) -> str:
    """All of it, without line ends."""
    return " ".join(" ".join(screen(*args, **kwargs)).split())  # type: ignore[arg-type]


def test_before_the_first_run_the_limit_and_the_promise_are_shown() -> None:
    said = text([step(READ), ended()])
    assert said.startswith("NOT SENT of 42 requests all at once, 21 should pass window 1 m live")
    assert "10 a second for each address, 20 more in reserve, answered at once" in said
    assert "POST /predict nginx/conf.d/servers.conf:84" in said
    assert "expected 21 pass, 21 get 429" in said
    assert "for n in $(seq 42); do curl" in said
    assert "sent" not in said.split()


def test_nothing_is_claimed_before_the_files_were_read() -> None:
    said = text([], plan=None)
    assert said.startswith("NOT READ what the nginx files say is not known yet")


def test_a_delayed_limit_says_so() -> None:
    delayed = RateLimit(30, 3, True, 503, Place("nginx/x.conf", 7))
    said = text([step(LimitRead("GET /x", delayed, "curl x")), ended()], plan=Plan(8, 1.0))
    assert "0.5 a second for each address, 3 more in reserve, held back to that rate" in said
    assert "beyond that 503" in said
    assert "nginx/x.conf:7" in said


def test_no_limit_is_not_a_failure() -> None:
    said = text([step(LimitRead("POST /predict", None, "curl x")), ended()], plan=None)
    assert said.startswith("NOT MEASURED no limit_req for POST /predict in the nginx files")


def test_files_that_cannot_be_read_are_an_error() -> None:
    wrong = LimitRead("", None, "", "nginx/x.conf:3: not a rate: write rate=10r/s")
    said = text([step(wrong), ended()], plan=None)
    assert said.startswith("ERROR nginx/x.conf:3: not a rate: write rate=10r/s")


def test_a_volley_under_way_shows_what_has_come() -> None:
    plan = Plan(60, 20.0)
    lines = screen(begun(plan, as_expected(plan)[:33]), plan=plan)
    assert lines[0].startswith(" SENDING  33 of 60 answered, ")
    said = " ".join(" ".join(lines).split())
    assert f"60 requests at 20 a second from {SOURCE}, now" in said
    assert "to come 27" in said
    assert "expected 33 of 33 observed 33 of 33" in said or "expected 32 to 33 of 33" in said
    assert "recovery" not in said


def test_a_part_of_a_burst_promises_nothing_yet() -> None:
    shots = [shot for shot in as_expected(BURST) if shot.number % 2]
    assert "expected 21 of 42 observed 10 of 21" in text(begun(BURST, shots))


def test_connecting_is_not_nothing() -> None:
    assert screen(begun(Plan(42)))[0].startswith(" SENDING  42 requests all at once: connecting")


def test_what_was_expected_passes() -> None:
    plan = Plan(42)
    lines = screen([*begun(plan, as_expected(plan)), ended()])
    said = " ".join(" ".join(lines).split())
    assert lines[0].startswith(" PASSED  21 of 42 passed within ")
    assert "expected 21 of 42 observed 21 of 42" in said
    assert "passed 21 ✕ refused 429 21 ○ to come 0 ! other 0 ? no answer 0" in said


@pytest.mark.parametrize(
    ("statuses", "word", "reason"),
    [
        ([200] * 42, "FAILED", "42 of 42 passed"),
        ([200] * 21 + [503] * 21, "ERROR", "answers other than 200 and 429: 503"),
        ([200] * 21 + [None] * 21, "ERROR", "none in time"),
    ],
)
def test_anything_else_does_not(statuses: list[int | None], word: str, reason: str) -> None:
    lines = screen([*begun(Plan(42), burst(statuses)), ended()])
    assert lines[0].startswith(f" {word}  ")
    assert reason in " ".join(" ".join(lines).split())


def test_a_stopped_volley_decides_nothing() -> None:
    plan = Plan(60, 20.0)
    lines = screen([*begun(plan, as_expected(plan)[:33]), ended(stopped=True)])
    assert lines[0].startswith(" STOPPED  after 33 of 60 answers, ")
    assert "this decides nothing" in lines[0]
    assert not any("PASSED" in line or "FAILED" in line for line in lines)


def test_a_stop_that_came_too_late_changes_nothing() -> None:
    plan = Plan(42)
    lines = screen([*begun(plan, as_expected(plan)), ended(stopped=True)])
    assert lines[0].startswith(" PASSED  ")


@pytest.mark.parametrize("view", [WIDE, NARROW])
def test_a_gateway_that_is_down_is_explained_line_by_line(view: View) -> None:
    causes = "process-compose: nothing answers\nport 8101 (v1-1): taken\nfix: `make start-project`"
    lines = screen([*begun(Plan(42)), ended(causes)], view)
    assert lines[0].startswith(" ERROR  the gateway cannot be reached")
    assert "  process-compose: nothing answers" in lines
    assert "  fix: `make start-project`" in lines
    assert not any(line.startswith(" sent") for line in lines)


def test_the_recovery_counts_down() -> None:
    plan = Plan(42)
    events = [*begun(plan, as_expected(plan)), ended(at=AT)]
    for seconds, said in (
        (0.0, "again in 2.1 s"),
        (1.6, "again in 0.5 s"),
        (2.2, "allowance again"),
    ):
        line = next(x for x in screen(events, now=AT + seconds) if x.startswith(" recovery"))
        assert line.endswith(said)
        assert recovering_s(model(*events), AT + seconds) == pytest.approx(max(0, 2.1 - seconds))


def test_the_volleys_before_are_listed() -> None:
    plan = Plan(42)
    lines = screen([*begun(plan, as_expected(plan), *before()), ended()])
    first = next(i for i, line in enumerate(lines) if line.startswith(" before"))
    assert "21 requests all at once" in lines[first]
    assert "21 passed, expected 21" in lines[first]
    assert "PASSED" in lines[first]
    assert "60 requests at 12 a second" in lines[first + 1]
    assert "47 passed, expected 40 to 42   FAILED" in lines[first + 1]


@given(
    st.lists(st.sampled_from([200, 429, 500, None]), min_size=1, max_size=150),
    st.integers(0, 150),
    st.integers(40, 160),
)
def test_a_strip_has_one_character_for_each_request(
    statuses: list[int | None], more: int, columns: int
) -> None:
    requests = min(150, len(statuses) + more)
    view = View(columns, 20, ASCII)
    shots = list(reversed(burst(statuses)))
    lines = [plain(line) for line in strip(shots, requests, LIMIT, view)]
    assert all(width(line) <= columns for line in lines)
    marks = "".join("".join(lines).split())
    expected = "".join({200: "*", 429: "x", 500: "!", None: "?"}[status] for status in statuses)
    assert marks == expected + "o" * (requests - len(statuses))


def test_refusals_differ_without_colour_and_are_no_alarm() -> None:
    (line,) = strip(burst([200, 429, None]), 4, LIMIT, WIDE)
    assert [(cell.text, cell.tone) for cell in line[1:5]] == [
        ("●", Tone.GOOD),
        ("✕", Tone.WARN),
        ("?", Tone.BAD),
        ("○", Tone.MUTED),
    ]


STORIES: dict[str, list[Event]] = {
    "nothing": [],
    "read": [step(READ), ended()],
    "sending": list(begun(Plan(150, 12.0), as_expected(Plan(150, 12.0))[:77])),
    "sent": [*begun(Plan(150), as_expected(Plan(150)), *before()), ended()],
    "broken": [*begun(Plan(42)), ended("a\n" * 40 + "fix: b " + "long " * 40)],
    "odd": [
        *begun(Plan(42), burst([200] * 20 + [500, None] + [429] * 20)),
        step(LimitRead("POST /\x1b[2J" + "x" * 200, LIMIT, "curl " + "y" * 2000)),
        ended(),
    ],
}


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("columns", [60, 80, 120, 200])
@pytest.mark.parametrize("rows", [10, 22, 38])
def test_it_fits_the_screen(story: str, columns: int, rows: int) -> None:
    for glyphs in (UNICODE, ASCII):
        lines = screen(STORIES[story], View(columns, rows, glyphs), plan=Plan(150, 12.0))
        assert all(width(line) <= columns for line in lines)
        assert len(lines) <= rows
        assert not any("\x1b" in line for line in lines)
        assert glyphs is UNICODE or "".join(lines).isascii()
    assert story != "broken" or any("fix: b" in line for line in lines)


def test_the_widest_volley_fits_the_smallest_screen() -> None:
    plan = Plan(150)
    lines = screen([*begun(plan, as_expected(plan)), ended()], NARROW, plan=plan)
    assert any(line.startswith(" recovery") for line in lines)
    assert all(word in " ".join(lines) for word in ("passed 21", "refused 429 129", "to come 0"))
