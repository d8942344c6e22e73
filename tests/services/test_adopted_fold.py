"""Which pipelines become tables with the same answers, and why others do not."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import Pipeline, make_pipeline

from services.artefact import FOLDED, folded_scorer
from services.folded import FoldedError, decode, encode
from services.ngram_scorer import NgramScorer
from services.scorer import FoldedScorer, Scorer
from services.sklearn_backend import classes_of
from services.training.adopted_fold import CannotFold, fold_adopted
from services.training.adoption import own_sentences
from services.training.probe_texts import ODD, PLAIN
from tests.services import emotions
from tests.services.conftest import TinyModel

PARITY = 1e-9
TEXTS, LABELS = emotions.texts(), emotions.labels()
FEW = [i for i, label in enumerate(LABELS) if label in ("love", "hate")]


def trained(vectorizer: Any, *between: Any, classes: int = 13, **options: Any) -> Any:
    classifier = LogisticRegression(max_iter=1000, **options)
    chosen = FEW if classes == 2 else range(len(TEXTS))
    pipeline = make_pipeline(vectorizer, *between, classifier)
    return pipeline.fit([TEXTS[i] for i in chosen], [LABELS[i] for i in chosen])


FOLDABLE: dict[str, Callable[[], Any]] = {
    "the exam's": lambda: emotions.exam_pipeline(),
    "two classes": lambda: trained(TfidfVectorizer(), classes=2),
    "pairs, sublinear": lambda: trained(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)),
    "two to three": lambda: trained(TfidfVectorizer(ngram_range=(2, 3))),
    "no norm, no idf": lambda: trained(TfidfVectorizer(norm=None, use_idf=False)),
    "idf without smoothing": lambda: trained(TfidfVectorizer(smooth_idf=False)),
    "case, own pattern": lambda: trained(
        TfidfVectorizer(lowercase=False, token_pattern=r"(?u)\b\w+\b")
    ),
    "a group in the pattern": lambda: trained(TfidfVectorizer(token_pattern=r"(\w)\w*")),
    "stop words": lambda: trained(TfidfVectorizer(stop_words="english", ngram_range=(1, 2))),
    "own stop words": lambda: trained(TfidfVectorizer(stop_words=["the", "my"])),
    "binary": lambda: trained(TfidfVectorizer(binary=True)),
    "own vocabulary": lambda: trained(TfidfVectorizer(vocabulary=["love", "hate", "the", "job"])),
    "counts": lambda: trained(CountVectorizer(ngram_range=(1, 3)), C=0.1),
    "counts, then TF-IDF": lambda: trained(CountVectorizer(), TfidfTransformer(sublinear_tf=True)),
    "a search": lambda: GridSearchCV(
        emotions.exam_pipeline(), {"clf__C": [0.5, 1.0]}, cv=2, n_jobs=1
    ).fit(TEXTS, LABELS),
}


@pytest.fixture(scope="module", params=FOLDABLE)
def pair(request: pytest.FixtureRequest) -> tuple[Any, NgramScorer]:
    """A pipeline and its scorer, which went through the bytes of a file."""
    model = FOLDABLE[request.param]()
    scorer = folded_scorer(encode(fold_adopted(model, classes_of(model))))
    assert isinstance(scorer, NgramScorer)
    return model, scorer


def test_folded_equals_its_pipeline(pair: tuple[Any, NgramScorer]) -> None:
    model, scorer = pair
    texts = [*TEXTS, *PLAIN, *ODD, *own_sentences(sorted(emotions.CLASSES)), "I LOVE my job my job"]
    for text, row in zip(texts, model.predict_proba(texts), strict=True):
        score = scorer.score(text)
        assert score.probabilities == pytest.approx(row.tolist(), rel=0, abs=PARITY)
        assert row[scorer.classes.index(score.label)] >= row.max() - PARITY


def test_folded_explains_the_answer_against_the_second(pair: tuple[Any, NgramScorer]) -> None:
    model, scorer = pair
    for text in ("i love my job so much, i love it", "Nothing to hate about the weather", ""):
        score, explanation = scorer.score_and_explain(text)
        assert (score, explanation) == (scorer.score(text), scorer.explain(text))
        first, second = np.sort(model.predict_proba([text])[0])[:-3:-1]
        total = scorer.bias(text) + sum(weight for _, weight in explanation)
        assert total == pytest.approx(np.log(first / second), abs=1e-7)


@pytest.fixture(scope="module")
def exam() -> Any:
    """The exam's pipeline."""
    return emotions.exam_pipeline()


@pytest.fixture(scope="module")
def exam_scorer(exam: Any) -> Scorer:
    """The same, folded."""
    return folded_scorer(encode(fold_adopted(exam, classes_of(exam))))


WORDS = ["i", "love", "hate", "the", "job", "my", "Weather", "phone call", "!", "unheard"]


@settings(max_examples=60)
@given(st.lists(st.sampled_from(WORDS)).map(" ".join) | st.text())
def test_any_text_gets_the_same_answer(exam: Any, exam_scorer: Scorer, text: str) -> None:
    row = exam.predict_proba([text])[0]
    assert exam_scorer.score(text).probabilities == pytest.approx(row.tolist(), rel=0, abs=PARITY)


def test_known_tokens_are_those_of_known_ngrams(exam_scorer: Scorer) -> None:
    assert exam_scorer.score("I love love this unheard weather").known_tokens == 3
    pairs_only = trained(TfidfVectorizer(ngram_range=(2, 2)))
    scorer = folded_scorer(encode(fold_adopted(pairs_only, classes_of(pairs_only))))
    assert scorer.score("my job").known_tokens == 2
    assert scorer.score("job my").known_tokens == 0


def test_an_unknown_text_gets_the_models_own_answer() -> None:
    # More rows of "love", so that an empty text is not neutral to it.
    texts, labels = [*TEXTS, *TEXTS], [*LABELS, *["love"] * len(TEXTS)]
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, labels)
    score = folded_scorer(encode(fold_adopted(model, classes_of(model)))).score("")
    assert score.known_tokens == 0
    assert score.label == model.predict([""])[0] == "love"


REFUSED: dict[str, Callable[[], Any]] = {
    "no pipeline of TF-IDF": lambda: RandomForestClassifier(n_estimators=2).fit(
        [[0.0], [1.0]], [0, 1]
    ),
    "MultinomialNB is no logistic regression": lambda: make_pipeline(
        TfidfVectorizer(), MultinomialNB()
    ).fit(TEXTS, LABELS),
    "CalibratedClassifierCV is no logistic": lambda: make_pipeline(
        TfidfVectorizer(), CalibratedClassifierCV(LogisticRegression(), cv=2)
    ).fit(TEXTS, LABELS),
    "analyzer is char_wb": lambda: trained(TfidfVectorizer(analyzer="char_wb")),
    "analyzer is a function": lambda: trained(TfidfVectorizer(analyzer=str.split)),
    "has tokenizer set": lambda: trained(TfidfVectorizer(tokenizer=str.split, token_pattern=None)),
    "has preprocessor set": lambda: trained(TfidfVectorizer(preprocessor=str.upper)),
    "has strip_accents set": lambda: trained(TfidfVectorizer(strip_accents="unicode")),
    "norm of TF-IDF is 'l1'": lambda: trained(TfidfVectorizer(norm="l1")),
    "SelectKBest stands between": lambda: trained(TfidfVectorizer(), SelectKBest(k=5)),
    "TF-IDF is applied twice": lambda: trained(TfidfVectorizer(), TfidfTransformer()),
    "neither TfidfVectorizer nor": lambda: Pipeline([("only", LogisticRegression())]),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_cannot_be_folded_and_why(reason: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn on the odd settings
        model = REFUSED[reason]()
    with pytest.raises(CannotFold, match=reason):
        fold_adopted(model, ("a", "b"))


def test_a_bad_pattern_or_header_is_a_folded_error(exam: Any) -> None:
    good = encode(fold_adopted(exam, classes_of(exam)))
    broken = good.replace(b"(?u)", b"((u)")
    assert broken != good
    with pytest.raises(FoldedError, match="token pattern"):
        folded_scorer(broken)
    with pytest.raises(FoldedError, match="unreadable header"):
        decode(good.replace(b'"lowercase"', b'"lowerc4se"'))


def test_each_scorer_refuses_the_tables_of_the_other(exam: Any, tiny_words: TinyModel) -> None:
    with pytest.raises(FoldedError, match="unknown analysis"):
        FoldedScorer(fold_adopted(exam, classes_of(exam)))
    with pytest.raises(FoldedError, match="unknown analysis 'words'"):
        NgramScorer(decode((tiny_words.folder / FOLDED).read_bytes()))
