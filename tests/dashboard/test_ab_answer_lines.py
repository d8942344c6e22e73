"""One sentence and what both versions say to it, whatever the model answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.ab_body import named_numbers, weighted_words
from dashboard.trials.ab import Sentence
from dashboard.view import View
from tests.dashboard.ab_reading import EVIL, NARROW, WIDE, read, row
from tests.dashboard.ab_story import PROBABILITIES, REASONS, events, sentence
from tests.dashboard.stories import START


def spoilt(**fields: Any) -> Sentence:
    """The sentence with another answer of v2."""
    told = sentence()
    return replace(told, pair=replace(told.pair, second=replace(told.pair.second, **fields)))


@pytest.mark.parametrize("view", [NARROW, WIDE])
def test_a_sentence_side_by_side(view: View) -> None:
    text = read(*events(START, sentence()), view=view)
    assert "good soup, cold plates 3" in row(text, "sentence")
    assert row(text, "answer").split() == ["answer", "bad", "good", "differs"]
    assert "gives no probabilities" in row(text, "bad")
    for name, chance in PROBABILITIES.items():
        assert row(text, name).endswith(f"█ {chance:.2f}")
    # The highest of v2 first; the bar is as long as the number is large.
    bars = [row(text, name).count("█") for name in PROBABILITIES]
    assert bars == sorted(bars, reverse=True)
    assert bars[0] > 2 * bars[1]
    assert "gives no reasons" in row(text, "because")
    assert "cold -1.04  clean +0.67" in row(text, "because")
    first, second = sentence().pair.first, sentence().pair.second
    assert f"v1  {first.instance}, {first.seconds * 1000:.1f} ms" in text
    assert f"v2  v2-1, {second.seconds * 1000:.1f} ms" in text


def test_what_went_wrong_with_a_sentence_is_said() -> None:
    def said(told: Sentence) -> str:
        return read(*events(START, told))

    assert "status 503" in said(spoilt(status=503, body=None, instance=""))
    assert "nginx, " in said(spoilt(status=503, body=None, instance=""))
    assert "NOT v2" in said(spoilt(instance="v1-1"))
    assert "says it is v3" in said(spoilt(body={"prediction": "x", "version": "v3"}))
    assert "nothing at '/prediction'" in said(spoilt(body={"version": "v2"}))
    assert "asked twice" in said(spoilt(retried=True))
    assert "gives no numbers and no reasons" in said(spoilt(body={"prediction": "x"}))
    evil = {"prediction": EVIL, EVIL: {EVIL: 0.5, "b": 0.1}, "z": [{"t": EVIL, "w": 1}]}
    assert "\\x1b[2J" in said(spoilt(body=evil, instance=EVIL))
    many = {"prediction": "x", "scores": {f"class {n}": n / 100 for n in range(90)}}
    assert "lines more" in said(spoilt(body=many))
    large = {"prediction": "x", "scores": {"low": -4000.0, "high": 1000.0}}
    assert "such numbers" in said(spoilt(body=large))
    low, high = row(said(spoilt(body=large)), "low"), row(said(spoilt(body=large)), "high")
    assert 0 < high.count("█") < low.count("█")
    assert low.endswith(" -4,000")


def test_parts_of_a_body_are_found_by_their_shape() -> None:
    body = {
        "prediction": "good",
        "deep": {"chances": {"a": 0.5, "b": 1}},
        "one": {"a": 1},
        "flags": {"a": True, "b": False},
        "endless": {"a": float("nan"), "b": 1.0},
        "words": [["cold", -1.5], ["soup", 2]],
        "why": REASONS,
        "mixed": [{"token": "a", "weight": 1}, {"token": "b"}],
        "huge": {"a": 10**400, "b": 1},
    }
    assert named_numbers(body) == {"deep.chances": {"a": 0.5, "b": 1.0}}
    assert weighted_words(body) == {
        "words": [("cold", -1.5), ("soup", 2.0)],
        "why": [("cold", -1.04), ("clean", 0.67)],
    }


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
        ),
        max_leaves=20,
    )
)
def test_whatever_a_model_answers_can_be_drawn(body: Any) -> None:
    for view in (NARROW, WIDE):
        read(*events(START, spoilt(body=body)), view=view)
