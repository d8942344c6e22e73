"""JSON as our own programs write it, and nothing that Python reads besides."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.plain_json import loads

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False, width=32).filter(lambda x: abs(x) < 2**64)
    | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text("ab"), inside),
    max_leaves=8,
)


@given(VALUES)
def test_what_is_written_is_read(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        assert loads(text) == loads(text.encode()) == value


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "[Infinity]",
        "-Infinity",
        "1e999",
        "1e300",
        "9" * 400,
        "9" * 5_000,
        str(2**64),
        str(-(2**64)),
        '"\\ud800"',
        '{"\\udc00": 1}',
        "[" * 100_000,
        '{"a":' * 100_000,
        "",
        "{} {}",
        b"\xff",
        '"é"'.encode("utf-16"),
    ],
)
def test_anything_else_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(text)


def test_whole_pairs_of_escapes_are_text() -> None:
    assert loads('"\\ud83d\\ude00"') == "😀"
    assert loads(r'"\\ud800"') == r"\ud800"


def test_numbers_stay_what_they_are() -> None:
    found = loads("[1, 1.0, -0.0, true]")
    assert list(map(type, found)) == [int, float, float, bool]
    assert math.copysign(1, found[2]) == -1
