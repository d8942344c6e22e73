from array import array
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.folded import Folded, FoldedError, decode, encode

FINITE = st.floats(allow_nan=False, allow_infinity=False)
TERMS = st.lists(
    st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1),
    min_size=1,
    max_size=8,
)


@st.composite
def tables(draw: st.DrawFn) -> Folded:
    terms = draw(TERMS)
    classes = draw(st.integers(2, 4))
    column = st.lists(FINITE, min_size=len(terms), max_size=len(terms)).map(
        lambda values: array("d", values)
    )
    return Folded(
        analysis=draw(st.text(max_size=8)),
        classes=tuple(f"class {k}" for k in range(classes)),
        intercepts=tuple(draw(FINITE) for _ in range(classes - 1)),
        terms=terms,
        squares=draw(column),
        weights=tuple(draw(column) for _ in range(classes - 1)),
        lexicon=draw(st.dictionaries(st.text(max_size=5), FINITE, max_size=3)),
        lexicon_weights=tuple((draw(FINITE), draw(FINITE)) for _ in range(classes - 1)),
    )


SMALL = Folded(
    analysis="words",
    classes=("no", "yes"),
    intercepts=(0.5,),
    terms=["a", "b"],
    squares=array("d", [1.0, 2.0]),
    weights=(array("d", [0.25, -0.25]),),
    lexicon={},
    lexicon_weights=(),
)


@given(tables())
def test_what_is_written_is_read(folded: Folded) -> None:
    assert decode(encode(folded)) == folded


@given(tables())
def test_the_same_tables_give_the_same_bytes(folded: Folded) -> None:
    assert encode(folded) == encode(replace(folded, lexicon=dict(folded.lexicon)))


@given(tables(), st.data())
def test_a_file_of_another_length_is_refused(folded: Folded, data: st.DataObject) -> None:
    content = encode(folded)
    with pytest.raises(FoldedError):
        decode(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(FoldedError):
        decode(content + b"\0")


@given(st.binary(), st.integers(0, 400), st.integers(1, 255))
def test_other_bytes_are_refused_or_read_but_never_crash(
    noise: bytes, position: int, change: int
) -> None:
    altered = bytearray(encode(SMALL))
    altered[position % len(altered)] ^= change
    for content in (noise, encode(SMALL)[:8] + noise, bytes(altered)):
        with suppress(FoldedError):
            decode(content)


@pytest.mark.parametrize("terms", [["a", ""], ["a\nb"], ["\n", "b"], ["", "\n"]])
def test_terms_that_would_not_survive_are_refused(terms: list[str]) -> None:
    with pytest.raises(FoldedError, match="line feed"):
        encode(replace(SMALL, terms=terms))
