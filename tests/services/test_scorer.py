import math
from array import array
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.folded import Folded, FoldedError
from services.scorer import MOST_EXPLAINED, FoldedScorer
from services.training.probe_texts import ODD, PLAIN
from tests.services.conftest import TinyModel

KNOWN = ["the", "film", "was", "not", "good", "bad", "great", "awful", "but", "!", ":)", "unknown"]
TEXTS = st.lists(st.sampled_from(KNOWN)).map(" ".join) | st.text()
PARITY = 1e-9


def contributions(scorer: FoldedScorer, text: str) -> float:
    return scorer.bias(text) + sum(weight for _, weight in scorer.explain(text))


def log_odds(scorer: FoldedScorer, text: str) -> float:
    probabilities = dict(zip(scorer.classes, scorer.score(text).probabilities, strict=True))
    return math.log(probabilities["positive"] / probabilities["negative"])


@settings(max_examples=60)
@given(st.lists(TEXTS, min_size=1, max_size=20))
def test_equals_its_pipeline(
    tiny_words: TinyModel, tiny_tweets: TinyModel, tiny_binary: TinyModel, texts: list[str]
) -> None:
    for model in (tiny_words, tiny_tweets, tiny_binary):
        for text, expected in zip(texts, model.pipeline.predict_proba(texts), strict=True):
            score = model.scorer.score(text)
            assert score.probabilities == pytest.approx(expected.tolist(), rel=0, abs=PARITY)
            if score.known_tokens or "neutral" not in model.scorer.classes:
                best = max(expected)
                assert expected[model.scorer.classes.index(score.label)] >= best - PARITY


@pytest.mark.parametrize("text", [*PLAIN, *ODD], ids=lambda text: ascii(text[:20]))
def test_equals_its_pipeline_on_odd_input(tiny: TinyModel, text: str) -> None:
    (expected,) = tiny.pipeline.predict_proba([text])
    score = tiny.scorer.score(text)
    assert score.probabilities == pytest.approx(expected.tolist(), rel=0, abs=PARITY)


@given(text=TEXTS)
def test_probabilities_sum_to_one(tiny_tweets: TinyModel, text: str) -> None:
    score = tiny_tweets.scorer.score(text)
    assert sum(score.probabilities) == pytest.approx(1.0, rel=0, abs=PARITY)
    assert score.label in tiny_tweets.scorer.classes
    assert all(0.0 <= probability <= 1.0 for probability in score.probabilities)


@given(words=st.lists(st.sampled_from(KNOWN), max_size=MOST_EXPLAINED))
def test_an_explanation_adds_up_to_the_log_odds(
    tiny_words: TinyModel, tiny_tweets: TinyModel, tiny_binary: TinyModel, words: list[str]
) -> None:
    text = " ".join(words)
    for scorer in (tiny_words.scorer, tiny_tweets.scorer, tiny_binary.scorer):
        assert contributions(scorer, text) == pytest.approx(log_odds(scorer, text), abs=PARITY)


def test_an_explanation_is_in_text_order_with_repetitions(tiny_tweets: TinyModel) -> None:
    explanation = tiny_tweets.scorer.explain("good film, good soup unheard")
    assert [token for token, _ in explanation] == ["good", "film", ",", "good", "soup"]


def test_a_long_explanation_keeps_the_strongest(tiny_tweets: TinyModel) -> None:
    text = "the film " * 60 + "awful"
    explanation = tiny_tweets.scorer.explain(text)
    assert len(explanation) == MOST_EXPLAINED
    assert explanation[-1][0] == "awful", "the strongest stays, at its place"


@given(text=TEXTS)
def test_both_at_once_are_the_two(tiny_tweets: TinyModel, text: str) -> None:
    scorer = tiny_tweets.scorer
    assert scorer.score_and_explain(text) == (scorer.score(text), scorer.explain(text))


@pytest.mark.parametrize("text", ["", " ", "😀", "это", "qwertyuiop"])
def test_an_unknown_text_is_neutral(tiny: TinyModel, text: str) -> None:
    score = tiny.scorer.score(text)
    assert score.known_tokens == 0
    assert tiny.scorer.explain(text) == []
    assert score.probabilities == tiny.scorer.score("").probabilities
    if "neutral" in tiny.scorer.classes:
        assert score.label == "neutral"


def test_known_tokens_counts_occurrences_and_the_lexicon(tiny_tweets: TinyModel) -> None:
    assert tiny_tweets.scorer.score("good good unheard").known_tokens == 2
    # "lovely" is only in the lexicon: no training text has it.
    assert tiny_tweets.scorer.score("lovely").known_tokens == 1
    assert tiny_tweets.scorer.score("lovely").label != tiny_tweets.scorer.score("").label


TIED = Folded(
    analysis="words",
    classes=("b", "a", "c"),
    intercepts=(0.0, 0.0),
    terms=["even", "last"],
    squares=array("d", [1.0, 1.0]),
    weights=(array("d", [0.0, 1.0]), array("d", [0.0, 1.0])),
    lexicon={},
    lexicon_weights=(),
)


def test_a_tie_goes_by_the_order_of_the_classes() -> None:
    scorer = FoldedScorer(TIED)
    assert scorer.score("even").label == "b"
    assert scorer.score("last").label == "a"
    assert scorer.score("").label == "b", "no neutral class: the prior decides"


def test_an_unknown_text_is_neutral_whatever_the_prior() -> None:
    scorer = FoldedScorer(replace(TIED, classes=("negative", "neutral", "positive")))
    assert scorer.score("").label == "neutral"
    assert scorer.score("even").label == "negative"


def test_other_classes_are_explained_by_the_answer_against_the_second() -> None:
    scorer = FoldedScorer(TIED)
    assert scorer.explain("last") == []  # "a" and "c" get the same from it
    clear = FoldedScorer(replace(TIED, intercepts=(0.5, -0.5)))
    assert clear.score("last").label == "a"
    assert clear.explain("last") == []  # "c" comes second, and gets the same
    assert clear.bias("last") == 1.0
    against_b = FoldedScorer(replace(TIED, intercepts=(0.5, -2.0)))
    assert against_b.explain("last") == [("last", 1.0)]
    assert against_b.bias("last") == 0.5


def test_an_unknown_analysis_is_refused() -> None:
    with pytest.raises(FoldedError, match="unknown analysis 'runes'"):
        FoldedScorer(replace(TIED, analysis="runes"))
