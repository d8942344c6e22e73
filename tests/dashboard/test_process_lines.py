"""The Processes screen in words: states, master, log, and never more than fits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.events import (
    GatewayState,
    NginxMaster,
    ProcessLog,
    ProcessStates,
    SourceName,
    SourceState,
    SourceStatus,
)
from dashboard.glyphs import ASCII, UNICODE
from dashboard.lines import Line, Tone, plain, width
from dashboard.model import Model
from dashboard.process_lines import LOG_CHARACTERS, head, log_lines, master_line, ordered, table
from dashboard.process_picture import Log, first_choice, picture
from dashboard.process_state import Life, glyph, life
from dashboard.view import View
from gateway.supervisor import ProcessHealth, ProcessStatus
from tests.dashboard.drill_story import drill_events, ended, everything, fresh, master, whole_story
from tests.dashboard.stories import START, model, process

NOW = START + 1
WIDE = View(120, 38, UNICODE)
NARROW = View(80, 22, ASCII)


def text(lines: list[Line] | tuple[Line, ...]) -> str:
    return "\n".join(plain(line) for line in lines)


def row(folded: Model, name: str, view: View = WIDE, now: float = NOW) -> str:
    return next(
        plain(line) for line in table(folded, view, now) if plain(line).startswith(f" {name} ")
    )


@pytest.mark.parametrize(
    ("status", "health", "exit_code", "namespace", "age", "expected"),
    [
        (ProcessStatus.RUNNING, ProcessHealth.READY, -1, "services", 50, Life.READY),
        (ProcessStatus.RUNNING, ProcessHealth.NO_PROBE, 0, "default", 50, Life.RUNNING),
        (ProcessStatus.RUNNING, ProcessHealth.NOT_READY, 0, "services", 2, Life.STARTING),
        (ProcessStatus.RUNNING, ProcessHealth.NOT_READY, 0, "services", 50, Life.NOT_READY),
        (ProcessStatus.COMPLETED, ProcessHealth.NO_PROBE, 0, "setup", 0, Life.DONE),
        (ProcessStatus.COMPLETED, ProcessHealth.NO_PROBE, 0, "probes", 0, Life.DONE),
        (ProcessStatus.COMPLETED, ProcessHealth.NOT_READY, 0, "optional", 0, Life.DONE),
        (ProcessStatus.COMPLETED, ProcessHealth.NO_PROBE, 0, "edge", 0, Life.STOPPED),
        (ProcessStatus.COMPLETED, ProcessHealth.NO_PROBE, -1, "services", 0, Life.STOPPED),
        (ProcessStatus.COMPLETED, ProcessHealth.NO_PROBE, 2, "setup", 0, Life.FAILED),
        (ProcessStatus.RESTARTING, ProcessHealth.READY, -1, "services", 0, Life.RESTARTING),
        (ProcessStatus.TERMINATING, ProcessHealth.READY, 0, "services", 9, Life.STOPPING),
        (ProcessStatus.PENDING, ProcessHealth.NO_PROBE, 0, "edge", 0, Life.PENDING),
        (ProcessStatus.LAUNCHING, ProcessHealth.NO_PROBE, 0, "edge", 0, Life.STARTING),
        (ProcessStatus.SKIPPED, ProcessHealth.NO_PROBE, 0, "edge", 0, Life.SKIPPED),
        (ProcessStatus.ERROR, ProcessHealth.NO_PROBE, 1, "edge", 0, Life.ERROR),
        (ProcessStatus.DISABLED, ProcessHealth.NO_PROBE, 0, "probes", 0, Life.DISABLED),
        (ProcessStatus.UNKNOWN, ProcessHealth.UNKNOWN, 0, "edge", 0, Life.UNKNOWN),
    ],
)
def test_where_a_process_is(
    status: ProcessStatus,
    health: ProcessHealth,
    exit_code: int,
    namespace: str,
    age: float,
    expected: Life,
) -> None:
    found = replace(
        process("p"),
        status=status,
        health=health,
        exit_code=exit_code,
        namespace=namespace,
        age=age,
    )
    assert life(found) is expected
    folded = model(
        ProcessStates(START, (found,)),
        SourceStatus(START, SourceName.PROCESSES, SourceState.FRESH),
    )
    assert f"{glyph(expected, UNICODE)} {expected.word}" in row(folded, "p")


def test_every_state_has_a_word_of_its_own_and_a_sign() -> None:
    assert len({found.word for found in Life}) == len(Life)
    for found in Life:
        assert width(glyph(found, UNICODE)) == 1
        assert glyph(found, ASCII).isascii()
    assert {found for found in Life if found.tone is Tone.BAD} == {
        Life.STOPPED,
        Life.FAILED,
        Life.ERROR,
        Life.SKIPPED,
    }


def test_what_others_depend_on_comes_first() -> None:
    other = replace(process("mine"), namespace="zoo")
    names = [each.name for each in ordered(model(everything(START, other)))]
    assert names == [
        *("model", "prepare", "v1-1", "v1-2", "v1-3", "v2-1"),
        *("nginx", "traffic", "exporter", "prometheus", "grafana", "mine"),
    ]


def test_numbers_are_those_of_a_process_that_runs() -> None:
    folded = model(*fresh(START, ended("exporter", "watch", 3)))
    assert row(folded, "v1-1").split() == [
        *("v1-1", "services", "●", "ready", str(process("v1-1").pid)),
        *("0", "-", "2", "%", "60", "M", "1h02m"),
    ]
    assert row(folded, "exporter").split() == [
        *("exporter", "watch", "✕", "failed", "-", "0", "3", "-", "-", "-"),
        *("enter", "shows", "its", "log"),
    ]
    assert row(folded, "traffic").endswith("g starts it")
    assert "enter" not in row(folded, "exporter", NARROW)


def test_the_first_line_says_who_is_missing() -> None:
    well = model(*fresh(START))
    assert plain(head(well, WIDE, NOW, "live")[0]).startswith(" OK  10 of 10 ready")
    starting = replace(process("v1-2", ready=False), age=2.0)
    ill = model(*fresh(START, ended("nginx", "edge"), starting))
    first = plain(head(ill, WIDE, NOW, "live")[0])
    assert first.startswith(" NOT READY  8 of 10 ready, down: nginx, not yet: v1-2")
    assert first.endswith("live")
    (narrow,) = head(ill, NARROW, NOW, "live")
    assert plain(narrow).startswith(" NOT READY  8 of 10 ready, 1 down, 1 not yet")


def test_old_states_are_called_old() -> None:
    folded = model(*fresh(START))
    later = START + 60
    first = text(head(folded, WIDE, later, "live"))
    assert "STALE" in first
    assert "last word 1m00s ago" in first
    assert "? was ready" in row(folded, "v1-1", now=later)
    assert str(process("v1-1").pid) not in row(folded, "v1-1", now=later)
    absent = SourceStatus(NOW, SourceName.PROCESSES, SourceState.ABSENT, "make start-project")
    folded.apply(absent)
    assert "make start-project" in text(head(folded, WIDE, NOW, "live"))
    assert "asking" in text(head(model(), WIDE, NOW, "live"))


def test_the_master_of_nginx_is_alive_gone_or_unknown() -> None:
    alive = plain(master_line(model(*master(START, alive=True)), NARROW, NOW))
    assert "* alive  pid 5812" in alive
    gone = plain(master_line(model(*master(START, alive=False)), WIDE, NOW))
    assert gone.endswith("GONE (pid 5812), its workers are orphans: r on nginx mends it")
    assert "does not answer" in plain(
        master_line(model(*master(START, alive=True)), WIDE, NOW + 60)
    )
    assert width(gone) < NARROW.columns
    assert "not asked" in plain(master_line(model(), WIDE, NOW))


def test_processes_of_nginx_that_are_stopped_are_named() -> None:
    state, status = master(START, alive=True)
    assert isinstance(state, GatewayState)
    stopped = replace(state, master=NginxMaster(5812, True, (5813,)))
    said = plain(master_line(model(stopped, status), NARROW, NOW))
    assert said.endswith("STOPPED: pid 5813; `kill -CONT 5813`, or r on nginx")


def test_a_log_shows_its_last_lines_harmless() -> None:
    lines = (*(f"line {number}" for number in range(50)), "\x1b[31mred\x07", "x" * 2_000)
    folded = model(*fresh(START), ProcessLog(START, "v1-1", lines))
    shown = log_lines(folded, View(600, 38, UNICODE), NOW, "v1-1", 10)
    assert len(shown) == 10
    assert plain(shown[1]) == " line 43"
    assert plain(shown[-2]) == r" \x1b[31mred\x07"
    assert len(plain(shown[-1])) == LOG_CHARACTERS + 1


def test_a_log_that_cannot_be_read_says_why() -> None:
    folded = model(*fresh(START))
    assert "reading it" in text(log_lines(folded, WIDE, NOW, "v1-1", 5))
    assert "no right" in text(log_lines(folded, WIDE, NOW, "v1-1", 5, "no right"))
    folded.apply(ProcessLog(START, "v1-1", ()))
    assert "written nothing" in text(log_lines(folded, WIDE, NOW, "v1-1", 5))
    assert "STALE" in text(log_lines(folded, WIDE, NOW + 60, "v1-1", 5))


def test_the_cursor_begins_at_an_instance() -> None:
    folded = model(*fresh(START))
    shown = picture(folded, WIDE, NOW, "live", None, None)
    assert first_choice(shown, folded) == "v1-1"
    line = shown.line_of("v1-1")
    assert line is not None
    assert plain(shown.lines[line]).startswith(" v1-1 ")
    assert shown.line_of(None) is shown.line_of("nobody") is None
    assert first_choice(picture(model(), WIDE, NOW, "", None, None), model()) is None


@pytest.mark.parametrize("view", [WIDE, NARROW])
@pytest.mark.parametrize("log", [None, Log("v1-1")])
def test_the_names_are_those_of_their_lines(view: View, log: Log | None) -> None:
    shown = picture(model(*whole_story()), view, START + 91, "end", None, log)
    assert len(shown.processes) == 11
    for line, name in zip(shown.lines, shown.names, strict=False):
        if name is not None:
            assert plain(line).startswith(f" {name} ")


@given(
    st.text(max_size=80),
    st.lists(st.text(max_size=300), max_size=30),
    st.integers(0, 1 << 70),
    st.sampled_from([(80, 22), (120, 38), (60, 5), (200, 100)]),
    st.booleans(),
)
def test_it_never_takes_more_than_there_is(
    name: str, lines: list[str], number: int, size: tuple[int, int], log: bool
) -> None:
    strange = replace(process(name), namespace=name, pid=number, restarts=number, mem=number)
    view = View(*size, UNICODE)
    folded = model(
        *fresh(START, strange), ProcessLog(START, name, tuple(lines)), *drill_events(START)
    )
    shown = picture(folded, view, NOW, "live", name, Log(name, name) if log else None)
    assert len(shown.lines) <= view.rows
    for line in shown.lines:
        assert width(plain(line)) <= view.columns
        assert all(cell.text.isprintable() for cell in line)
