from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from services.training.cleaning import (
    Row,
    fold_of,
    is_held_out,
    normalise,
    overlap,
    split,
    text_digest,
    unique,
)
from services.training.material import held_out_csv

LABELS = ("negative", "neutral", "positive")
ROWS = st.lists(
    st.builds(
        Row,
        text=st.text(st.sampled_from("ab1 !&;"), max_size=6),
        label=st.sampled_from(LABELS),
        source=st.just("x"),
    )
)


def test_what_makes_two_texts_the_same() -> None:
    assert normalise("  Great, VALUE&#33;") == normalise("great value")
    assert normalise("Don't") == "don t"
    assert normalise("?!") == ""


@given(ROWS, st.lists(st.text(st.sampled_from("ab1 "), max_size=6)))
def test_every_row_is_kept_or_counted_once(rows: list[Row], excluded: list[str]) -> None:
    digests = frozenset(map(text_digest, excluded))
    parts = split(rows, digests)
    kept = [*parts.train, *parts.held_out]
    assert len(kept) + sum(parts.dropped.values()) == len(rows)
    assert not overlap(parts.train, parts.held_out)
    assert len(unique(kept)) == len(kept)
    labels: dict[str, set[str]] = {}
    for row in rows:
        labels.setdefault(text_digest(row.text), set()).add(row.label)
    wanted = {d for d in labels if len(labels[d]) == 1} - digests - {text_digest("")}
    assert {text_digest(row.text) for row in kept} == wanted


def test_why_rows_are_dropped() -> None:
    rows = [
        Row("?!", "neutral", "x"),
        Row("Great value.", "positive", "x"),
        Row("so so", "neutral", "x"),
        Row("So so!", "negative", "x"),
        Row("twice", "neutral", "x"),
        Row("TWICE", "neutral", "x"),
    ]
    parts = split(rows, frozenset({text_digest("great VALUE")}))
    assert parts.dropped == {
        "no letter or digit": 1,
        "evaluation": 1,
        "conflict": 2,
        "repetition": 1,
    }
    assert [row.text for row in (*parts.train, *parts.held_out)] == ["twice"]


def test_a_tenth_is_held_out_and_the_folds_are_even() -> None:
    digests = [text_digest(f"text number {n}") for n in range(20_000)]
    held_out = [digest for digest in digests if is_held_out(digest)]
    assert 1_850 < len(held_out) < 2_150
    for group in (digests, held_out):
        counts = Counter(fold_of(digest, 3) for digest in group)
        assert sorted(counts) == [0, 1, 2]
        assert all(abs(n - len(group) / 3) < 0.1 * len(group) for n in counts.values())


def test_the_assignment_never_changes() -> None:
    # Figures are only comparable as long as the same texts are held out.
    chosen = [n for n in range(60) if is_held_out(text_digest(f"text {n}"))]
    assert chosen == [9, 27]


def test_the_held_out_file_does_not_depend_on_the_order() -> None:
    rows = [Row('says "hi", twice', "neutral", "x"), Row("bad", "negative", "y")]
    text = held_out_csv(rows)
    assert text == held_out_csv(rows[::-1])
    assert sorted(text.splitlines()) == sorted(
        ["sentence,label", '"says ""hi"", twice",neutral', "bad,negative"]
    )
