"""What is on the screen, as text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from dashboard.detail import curl
from dashboard.events import (
    Declared,
    LogProgress,
    PrometheusState,
    SourceName,
    SourceState,
    SourceStatus,
)
from dashboard.filters import parse_filter
from dashboard.glyphs import ASCII, UNICODE
from dashboard.lines import Tone, plain, width
from dashboard.model import RECENT
from dashboard.present import instance_names, overview
from dashboard.traffic import select, summary, table_head, table_row
from dashboard.verdict import Severity, judge
from dashboard.view import View
from dashboard.window import Window
from tests.dashboard.stories import START, WORKSPACE, all_fresh, busy_minute, hit, model

NOW = START + 89.95
STORY = model(*busy_minute())


def screen(view: View, now: float = NOW) -> list[str]:
    return [plain(line) for line in overview(STORY, view, now, "window 1 m  live ")]


def table(view: View, now: float = NOW) -> dict[str, str]:
    """The rows of the table of instances by their first word."""
    names = instance_names(STORY, view)
    rows = zip(screen(view, now), names, strict=False)
    return {name: line for line, name in rows if name is not None}


def column(view: View, title: str) -> dict[str, int]:
    """What the rows have under a title."""
    head = next(line for line in screen(view) if line.startswith(" instance"))
    end = head.index(title) + len(title)
    found = {name: row[:end].split()[-1] for name, row in table(view).items()}
    return {name: int(text.replace(",", "")) for name, text in found.items()}


@pytest.mark.parametrize("columns", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("rows", [16, 22, 38, 60])
def test_it_fits_the_screen(columns: int, rows: int) -> None:
    for glyphs in (UNICODE, ASCII):
        lines = overview(STORY, View(columns, rows, glyphs), NOW, "window 1 m  live ")
        assert all(width(plain(line)) <= columns for line in lines)
        assert len(lines) <= max(rows, 20)


def test_ascii_means_ascii() -> None:
    assert "".join(screen(View(80, 24, ASCII))).isascii()
    assert "".join(screen(View(120, 40, ASCII))).isascii()


@pytest.mark.parametrize("window", list(Window))
def test_the_table_adds_up_to_the_log(window: Window) -> None:
    expected = STORY.window(window, NOW)
    for view in (View(120, 40, ASCII, window), View(80, 24, ASCII, window)):
        shown = column(view, f"in {window.label}")
        assert shown == {name: expected.total(who(name)) for name in shown}
        assert sum(shown.values()) == expected.total()
        for hundred in (2, 4, 5):
            found = column(view, f"{hundred}xx")
            assert found == {name: expected.total(who(name), hundred) for name in shown}


def who(name: str) -> str:
    return "" if name == "nginx" else name


def test_the_verdict_comes_first() -> None:
    assert screen(View(120, 40, UNICODE))[0].startswith(
        " DEGRADED  v1-2 not ready for 4 s; its share went to v1-1 and v1-3, no request was lost"
    )


def test_what_does_not_fit_the_first_line_is_in_the_second() -> None:
    first, second = screen(View(80, 24, UNICODE))[:2]
    assert first.startswith(" DEGRADED  v1-2 not ready for 4 s; its share went to")
    assert "no request was lost" in second


ALERT = "InstanceDown v1-2"


@pytest.mark.parametrize(
    ("rules", "firing", "words", "tone"),
    [
        (0, (), "alerts not configured", Tone.MUTED),
        (1, (), "alerts none firing (1 rule)", Tone.NORMAL),
        (12, (), "alerts none firing (12 rules)", Tone.NORMAL),
        (12, (ALERT,), f"alerts 1 firing: {ALERT}", Tone.BAD),
    ],
)
def test_alerts_say_whether_they_could_fire(
    rules: int, firing: tuple[str, ...], words: str, tone: Tone
) -> None:
    folded = model(*all_fresh(START), PrometheusState(START, 5, 6, rules, firing))
    wide = overview(folded, View(120, 40, UNICODE), START, "")[5]
    targets = "prometheus targets 5 of 6  rollout not started"
    assert plain(wide) == f"          {words}  {targets}"
    narrow = overview(folded, View(80, 24, ASCII), START, "")[5]
    assert plain(narrow).startswith(f"          {words}  targets 5 of 6  ")
    assert next(cell.tone for cell in wide if cell.text in words and cell.text) is tone


def test_many_alerts_do_not_push_the_targets_out() -> None:
    firing = tuple(f"InstanceDown v1-{number}" for number in range(20))
    folded = model(*all_fresh(START), PrometheusState(START, 5, 6, 1, firing))
    for columns in (80, 120):
        line = plain(overview(folded, View(columns, 24, UNICODE), START, "")[5])
        assert "20 firing: InstanceDown v1-0, " in line
        assert line.endswith("targets 5 of 6")


def test_without_prometheus_nobody_knows_of_alerts() -> None:
    gone = SourceStatus(START + 1, SourceName.PROMETHEUS, SourceState.ABSENT, "")
    known = PrometheusState(START, 6, 6, 1, (ALERT,))
    for folded, now in (
        (model(), START),
        (model(*all_fresh(START), known, gone), START + 2),
        (model(*all_fresh(START), known), START + 16),
    ):
        line = plain(overview(folded, View(120, 40, UNICODE), now, "")[5])
        assert line.startswith("          alerts unknown  prometheus targets -  ")
    assert judge(model(*all_fresh(START), hit(), gone), START + 2).severity is Severity.OK


def test_old_facts_are_stale_with_their_age() -> None:
    later = NOW + 60
    sources = "\n".join(screen(View(120, 40, UNICODE), later)[-2:])
    for name in SourceName:
        assert re.search(rf"{name.value} STALE 1m0\ds", sources)
    assert "? unknown" in table(View(120, 40, UNICODE), later)["v1-1"]


@pytest.mark.parametrize("columns", range(60, 130))
def test_no_source_is_cut_off(columns: int) -> None:
    reading = LogProgress(NOW, caught_up=False, bad_lines=3)
    folded = model(*busy_minute(), reading)
    lines = [plain(line) for line in overview(folded, View(columns, 40, UNICODE), NOW + 60, "")]
    first = next(index for index, line in enumerate(lines) if line.startswith(" sources"))
    text = "\n".join(lines[first:])
    assert "…" not in text
    assert text.count("STALE 1m0") == len(SourceName)
    assert "reading the log" in text
    assert text.endswith("3 bad lines")


def test_absent_sources_say_so() -> None:
    gone = SourceStatus(NOW, SourceName.PROCESSES, SourceState.ABSENT, "")
    lines = overview(model(*all_fresh(START), gone), View(120, 40, UNICODE), START + 2, "")
    assert "process-compose ABSENT 2.0 s" in plain(lines[-1])


def test_rows_are_where_a_click_finds_them() -> None:
    for view in (View(80, 24, UNICODE), View(120, 40, UNICODE)):
        for line, name in zip(screen(view), instance_names(STORY, view), strict=False):
            assert name is None or line.split()[0] == name
        assert [name for name in instance_names(STORY, view) if name] == [
            "v1-1",
            "v1-2",
            "v1-3",
            "v2-1",
            "nginx",
        ]


def test_a_list_holds_what_passes_the_filter() -> None:
    wanted = parse_filter("status=429")
    found = select(STORY, wanted, Window.ALL, NOW)
    assert len(found.requests) == STORY.totals.with_status(429) > 0
    assert found.considered == STORY.hits
    times = [access.time for access in found.requests]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("window", list(Window))
def test_the_list_holds_the_window(window: Window) -> None:
    found = select(STORY, parse_filter(""), window, NOW)
    assert len(found.requests) == STORY.window(window, NOW).total()


@pytest.mark.parametrize("columns", [80, 120])
def test_the_list_fits(columns: int) -> None:
    view = View(columns, 20, ASCII)
    wanted = parse_filter("status>=400 user:a path:" + "x" * 200)
    found = select(STORY, parse_filter(""), Window.ALL, NOW)
    lines = [table_head(view), *(table_row(STORY, view, access) for access in found.requests)]
    lines += summary(STORY, view, NOW, found, wanted, "window 1 m  live ")
    assert all(width(plain(line)) <= columns and plain(line).isascii() for line in lines)
    assert any("POST /predict" in plain(line) for line in lines)


def test_the_summary_counts() -> None:
    found = select(STORY, parse_filter("status>=400"), Window.ALL, NOW)
    text = "\n".join(
        map(
            plain,
            summary(STORY, View(120, 30, UNICODE), NOW, found, parse_filter("status>=400"), ""),
        )
    )
    assert f"{len(found.requests)} of {STORY.hits} in 1 m" in text
    assert "[status>=400]" in text
    assert re.search(rf"4xx {len(found.requests)} ", text)


def test_a_list_that_does_not_hold_all_says_so() -> None:
    folded = model(*(hit(START + number / 100) for number in range(RECENT + 10)))
    now = START + RECENT / 100
    view = View(120, 30, UNICODE, Window.MINUTE)
    for window, words in ((Window.ALL, "the last 5,000 of 5,010"), (Window.TEN_SECONDS, "")):
        found = select(folded, parse_filter(""), window, now)
        text = plain(summary(folded, view, now, found, parse_filter(""), "")[0])
        assert words in text
        assert bool(words) == ("the last" in text)


def test_an_undeclared_instance_has_a_row() -> None:
    view = View(120, 40, UNICODE)
    lines = overview(model(hit(START, "v9-9")), view, START, "")
    assert any(plain(line).startswith(" v9-9") for line in lines)


def test_a_third_version_is_one_of_its_own() -> None:
    third = Declared("v3-1", "v3", "127.0.0.1:8301")
    where = {"upstream_addr": third.address, "cohort": "v3"}
    declared = replace(WORKSPACE, instances=(*WORKSPACE.instances, third))
    folded = model(declared, *all_fresh(START), hit(START, "v1-1"), hit(START, "v3-1", **where))
    view = View(160, 40, UNICODE)
    lines = [plain(line) for line in overview(folded, view, START + 1, "")]
    (row,) = (line for line in lines if line.startswith(" v3-1"))
    assert row.split()[1] == "v3"
    assert any(line.endswith("/predict  v3") for line in lines)
    assert "X-Experiment-Group: v3" in curl(folded.recent[-1], "https://localhost:8443", "{}")
