"""What the Checks screen says."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from dashboard.checks_lines import Picture, checks
from dashboard.events import Event
from dashboard.glyphs import ASCII, UNICODE
from dashboard.lines import plain, width
from dashboard.trials.checks import Listed, Outcome
from dashboard.view import View
from probes.checks.registry import CHECKS
from probes.checks.report import SIGNS
from probes.verdict import Verdict
from tests.dashboard.checks_story import (
    AT,
    DOWN,
    EVIDENCE,
    IDS,
    LISTED,
    PROMISES,
    all_passed,
    down,
    ended,
    mixed,
    outcome,
    ran,
    step,
)
from tests.dashboard.stories import model

WIDE, NARROW = View(120, 38, UNICODE), View(80, 22, ASCII)
NOW = AT + 10.0
STATE = "window 1 m  live "
DONE = AT + 3.25
LIST: list[Event] = [step(LISTED), ended(AT)]


def drawn(
    events: Iterable[Event], view: View = WIDE, now: float = NOW, chosen: str | None = None
) -> Picture:
    return checks(model(*events), view, now, chosen, STATE)


def screen(events: Iterable[Event], view: View = WIDE, **kwargs: object) -> list[str]:
    return [plain(line) for line in drawn(events, view, **kwargs).lines]  # type: ignore[arg-type]


def rows(events: Iterable[Event], view: View = WIDE, **kwargs: object) -> dict[str, str]:
    """The row of each check."""
    picture = drawn(events, view, **kwargs)  # type: ignore[arg-type]
    found = zip(picture.ids, picture.lines, strict=True)
    return {name: plain(line) for name, line in found if name is not None}


@pytest.mark.parametrize("view", [WIDE, NARROW])
def test_before_the_first_run_every_check_is_listed(view: View) -> None:
    lines = screen(LIST, view)
    assert lines[0].startswith(" NOT RUN  t runs all 13 checks, enter one")
    found = rows(LIST, view)
    assert list(found) == list(IDS)
    for promise in PROMISES:
        assert promise.title in found[promise.id]
        assert "not run yet" in found[promise.id]


def test_keys_that_are_not_there_are_not_named() -> None:
    for events in (LIST, list(down())):
        text = "".join(map(plain, checks(model(*events), WIDE, NOW, None, STATE, False).lines))
        assert " t runs" not in text
        assert "t tries" not in text


def test_nothing_known_is_no_crash() -> None:
    assert screen([])[0].startswith(" NOT RUN  no check has been run")


def test_all_passed_is_ok() -> None:
    lines = screen([*ran(all_passed()), ended(DONE)])
    assert lines[0].startswith(" OK  13 passed in 3.2 s")
    assert "the latest 6 s ago, the oldest 9 s ago" in lines[1]


def test_every_verdict_has_its_sign() -> None:
    verdicts = mixed()
    events = [*ran(verdicts), ended(DONE)]
    for view in (WIDE, NARROW):
        found = rows(events, view)
        for name, verdict in verdicts.items():
            assert found[name].split()[0] == SIGNS[verdict]
            assert "0.25 s" in found[name]
    first = screen(events)[0]
    words = "9 passed, 1 failed, 1 inconclusive, 1 error, 1 not measured in 3.2 s"
    assert first.startswith(f" ERROR  {words}")


def test_what_was_not_measured_is_no_fault() -> None:
    events = [*ran(all_passed() | {"balance": Verdict.NOT_MEASURED}), ended(DONE)]
    assert screen(events)[0].startswith(" OK  12 passed, 1 not measured")


def test_the_first_that_is_not_well_is_chosen() -> None:
    events = [*ran(all_passed() | {"rate-limit": Verdict.FAILED}), ended(DONE)]
    picture = drawn(events)
    assert picture.cursor is not None
    assert picture.ids[picture.cursor] == "rate-limit"
    lines = [plain(line) for line in picture.lines]
    said = " ".join(" ".join(lines[lines.index("") :]).split())
    assert EVIDENCE["rate-limit"] in said
    assert "shows it curl -sS -i https://x/rate-limit" in said
    assert "python -m dashboard check --only rate-limit" in said


def test_a_person_chooses_another() -> None:
    events = [*ran(all_passed() | {"rate-limit": Verdict.FAILED}), ended(DONE)]
    lines = screen(events, chosen="tls")
    said = " ".join(" ".join(lines[lines.index("") :]).split())
    assert said.startswith("TLS 1.2 and 1.3, nothing older ")
    assert ", 9 s ago, took 0.25 s passed TLS 1.0 refused" in said


def test_the_present_one_is_marked() -> None:
    events = list(ran({"processes": Verdict.PASSED, "files": Verdict.PASSED}))
    found = rows(events, now=AT + 1.7)
    assert screen(events, now=AT + 1.7)[0].startswith(" RUNNING  3 of 13: tls, for 1.2 s")
    assert found["tls"].split()[0] == "RUNS"
    assert "1.2 s" in found["tls"]
    assert found["auth"].split()[0] == "waits"
    assert found["files"].split()[0] == "ok"


def test_one_alone_leaves_the_others_with_their_age() -> None:
    known = [outcome(name, at=AT - 100) for name in IDS]
    events = [*ran({"tls": Verdict.FAILED}, ["tls"], known), ended(AT + 0.3)]
    found = rows(events)
    assert "1m50s ago" in found["files"]
    assert "9 s ago" in found["tls"]
    assert found["tls"].split()[0] == "FAILED"
    lines = screen(events)
    assert lines[0].startswith(" FAILED  12 passed, 1 failed")
    assert "the latest 9 s ago, the oldest 1m50s ago" in lines[1]


def test_an_earlier_result_stays_until_there_is_a_new_one() -> None:
    known = [outcome(name, at=AT - 100) for name in IDS]
    found = rows(list(ran({}, ["tls"], known)))
    assert found["tls"].split()[0] == "RUNS"
    assert EVIDENCE["tls"] in found["tls"]


def test_a_stopped_run_says_how_far_it_came() -> None:
    events = [*ran({"processes": Verdict.PASSED}), ended(AT + 0.3, stopped=True)]
    first = screen(events)[0]
    assert first.startswith(" OK  1 passed in 0.2 s, 12 not run yet; stopped after 1 of 13")
    assert rows(events)["tls"].split()[0] == "TLS"


@pytest.mark.parametrize("view", [WIDE, NARROW])
def test_a_stack_that_is_down_is_explained_in_place_of_the_results(view: View) -> None:
    picture = drawn(down(), view)
    lines = [plain(line) for line in picture.lines]
    assert lines[0].startswith(" DOWN  the stack cannot be asked")
    assert picture.cursor is None
    assert set(picture.ids) == {None}
    said = " ".join(" ".join(lines).split())
    for cause in DOWN:
        assert " ".join(cause.split()) in said


def test_a_problem_is_told() -> None:
    assert screen([*ran({}), ended(AT, "it broke")])[0].startswith(" ERROR  it broke")
    wrong = Listed(PROMISES, "workload.yaml:3: no path: add one")
    assert screen([step(wrong), ended(AT)])[0].startswith(" ERROR  workload.yaml:3: no path")


def test_a_check_that_is_not_in_the_list_is_shown_too() -> None:
    events = [*ran({"of-the-future": Verdict.PASSED}), ended(DONE)]
    assert "of-the-future" in rows(events)["of-the-future"]


def test_the_smallest_screen_shows_every_check_and_the_chosen_one() -> None:
    assert len(CHECKS) == 13
    for name in IDS:
        picture = drawn([*ran(mixed()), ended(DONE)], NARROW, chosen=name)
        assert [each for each in picture.ids if each] == list(IDS)
        assert picture.cursor is not None
        assert picture.ids[picture.cursor] == name
        text = " ".join(plain(line) for line in picture.lines)
        assert f"https://x/{name}" in text


def hostile() -> list[Event]:
    bad = "\x1b[2J\u202e" + "x" * 900
    found = Outcome(AT, "tls", Verdict.FAILED, bad, 1e9, bad * 3)
    return [*ran({}), step(found), ended(AT)]


STORIES: dict[str, list[Event]] = {
    "nothing": [],
    "list": LIST,
    "mixed": [*ran(mixed()), ended(DONE)],
    "running": list(ran({"processes": Verdict.FAILED})),
    "down": list(down()),
    "hostile": hostile(),
}


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("columns", [60, 80, 120, 200])
@pytest.mark.parametrize("lines", [10, 16, 22, 38])
def test_it_fits_the_screen(story: str, columns: int, lines: int) -> None:
    for glyphs in (UNICODE, ASCII):
        picture = drawn(STORIES[story], View(columns, lines, glyphs))
        found = [plain(line) for line in picture.lines]
        assert all(width(line) <= columns for line in found)
        assert len(found) <= lines
        assert len(picture.ids) == len(found)
        assert not any("\x1b" in line or "\u202e" in line for line in found)
        assert glyphs is UNICODE or "".join(found).isascii()
        assert picture.cursor is None or picture.ids[picture.cursor] is not None
    assert story != "down" or any("fix: correct" in line for line in found)
