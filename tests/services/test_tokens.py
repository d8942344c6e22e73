import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from services.tokens import ANALYSES, MARK, negated, tweet_tokens

REFERENCE = TfidfVectorizer(ngram_range=(1, 2)).build_analyzer()
TWEETISH = st.text() | st.lists(
    st.sampled_from(
        ["not", "good", "but", "isn't", "soooo", ":)", "!!!", "@you", "&amp;", ",", "x"]
    )
).map(" ".join)


@given(st.text())
def test_words_are_those_of_scikit_learn(text: str) -> None:
    assert ANALYSES["words"].terms(text) == REFERENCE(text)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Oh yeah, that was soooo cool!", ["oh", "yeah", ",", "that", "was", "soo", "cool", "!"]),
        ("@you see https://example.com/a?b=1 :-)", ["xxuser", "see", "xxurl", ":-)"]),
        ("R&amp;D &lt;3", ["r", "&", "d", "<3"]),
        ("I don\u2019t!!!! ;)", ["i", "don't", "!!", ";)"]),
        ("call at 10:30, or:Don", ["call", "at", "10", ":", "30", ",", "or", ":", "don"]),
        ("well-made #fail", ["well", "-", "made", "#", "fail"]),
        ("😀 это", ["это"]),
        ("", []),
    ],
)
def test_tweet_tokens(text: str, tokens: list[str]) -> None:
    assert tweet_tokens(text) == tokens


@given(TWEETISH)
def test_a_tweet_token_has_neither_space_nor_mark(text: str) -> None:
    # What joins pairs and marks negated words can then never be part of a token.
    for token in tweet_tokens(text):
        assert token
        assert MARK not in token
        assert not any(character.isspace() for character in token)


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("not good", ["good"]),
        ("it isn't a very good film", ["a", "very", "good", "film"]),
        ("not one two three four five", ["one", "two", "three", "four"]),
        ("not good , bad", ["good"]),
        ("not good but bad", ["good"]),
        ("not :) good", ["good"]),
        ("never not good", ["good"]),
        ("good", []),
    ],
)
def test_scope_of_a_negator(text: str, marked: list[str]) -> None:
    tokens = tweet_tokens(text)
    assert [tokens[position] for position in negated(tokens)] == marked


@given(TWEETISH, st.integers(0, 20))
def test_what_follows_does_not_change_the_scope(text: str, end: int) -> None:
    tokens = tweet_tokens(text)
    assert negated(tokens[:end]) == [p for p in negated(tokens) if p < end]


@given(TWEETISH)
def test_nothing_is_negated_without_a_negator(text: str) -> None:
    tokens = [t for t in tweet_tokens(text) if t != "not" and not t.endswith("n't")]
    assert negated(tokens) == []


@given(TWEETISH)
def test_terms_are_tokens_pairs_and_marked_tokens(text: str) -> None:
    tokens = tweet_tokens(text)
    terms = ANALYSES["tweets"].terms(text)
    assert len(terms) == len(tokens) + max(0, len(tokens) - 1) + len(negated(tokens))
    assert terms[: len(tokens)] == tokens
