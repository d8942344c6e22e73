"""Text from outside cannot steer the terminal; lines fit their columns."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import numbers
from dashboard.detail import as_json, curl, detail
from dashboard.glyphs import ASCII, UNICODE
from dashboard.lines import Cell, clip, fit, plain, safe, width
from dashboard.present import request_line
from dashboard.traffic import table_row
from dashboard.view import View
from tests.dashboard.stories import START, access, model

HOSTILE = "\x1b]52;c;cm0=\x07\x1b[2J\x9b31m\r\n\t\x00\x7f\u202e\u2066\u200b\u2028\ufeff"


def harmless(text: str) -> bool:
    return all(
        unicodedata.category(character) not in ("Cc", "Cf", "Zl", "Zp", "Cs") for character in text
    )


@given(st.text())
def test_no_control_character_gets_through(text: str) -> None:
    assert harmless(safe(text))


def test_what_is_hidden_is_shown() -> None:
    assert safe("a\x1b[31mb") == "a\\x1b[31mb"
    assert safe("x\u202ey") == "x\\u202ey"
    assert safe("\U000e0001") == "\\U000e0001"
    assert safe("café 東京 👍") == "café 東京 👍"


@pytest.mark.parametrize(
    "field",
    [
        "uri",
        "user_id",
        "remote_user",
        "prediction",
        "request_id",
        "method",
        "instance",
        "cohort",
        "user_agent",
    ],
)
def test_no_field_of_the_log_steers_the_terminal(field: str) -> None:
    request = access(START, "v9-9", **{field: HOSTILE})
    view = View(200, 40, UNICODE)
    folded = model()
    lines = [table_row(folded, view, request), request_line(folded, request, view)]
    lines += detail(request, "https://localhost:8443", '{"sentence": "x"}', 100)
    for line in lines:
        assert harmless(plain(line))
    assert harmless(curl(request, "https://localhost:8443", "{}"))
    assert as_json(request).isascii()


@given(st.text(), st.integers(1, 60))
def test_a_fitted_text_has_its_columns(text: str, columns: int) -> None:
    assert width(fit(safe(text), columns)) == columns


@given(st.lists(st.text(max_size=20)), st.integers(1, 60))
def test_a_clipped_line_is_not_wider(texts: list[str], columns: int) -> None:
    line = clip((Cell(safe(text)) for text in texts), columns)
    assert sum(width(cell.text) for cell in line) <= columns


def test_a_strip_has_one_scale_and_shows_the_least() -> None:
    assert UNICODE.spark([0, 1, 50, 100], 100) == " ▁▄█"
    assert ASCII.spark([0, 1, 100], 100) == " .@"
    assert UNICODE.spark([100], 400) == "▂"
    assert ASCII.bar(0.5, 4) == "##.."


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 0, "-"),
        (0, 5, "0 %"),
        (5, 5, "100 %"),
        (1, 3, "33.3 %"),
        (1, 99_999, "<0.1 %"),
        (99_999, 100_000, ">99.9 %"),
    ],
)
def test_shares_are_never_rounded_to_all_or_nothing(part: int, whole: int, text: str) -> None:
    assert numbers.share(part, whole) == text


def test_numbers_as_people_read_them() -> None:
    assert [numbers.duration(s) for s in (4, 200, 8040, 442_800)] == [
        "4 s",
        "3m20s",
        "2h14m",
        "5d03h",
    ]
    assert numbers.age(0.14) == "0.1 s"
    assert numbers.age(75) == "1m15s"
    assert [numbers.latency(ms) for ms in (None, 0, 1500)] == ["-", "<1", "1,500"]
    assert [numbers.memory(size) for size in (60 << 20, 3 << 30)] == ["60 M", "3.0 G"]
    assert [numbers.rate(value) for value in (4.21, 12_345.6)] == ["4.2", "12,346"]
