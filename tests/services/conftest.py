"""Models that the tests of this room share: trained once, in a moment, on own sentences."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.artefact import FOLDED, PIPELINE
from services.folded import decode
from services.scorer import FoldedScorer
from tests.services.tiny_corpus import material, recipe, silent


@dataclass(frozen=True)
class TinyModel:
    """A trained folder, its scorer, and the pipeline that it must equal."""

    folder: Path
    scorer: FoldedScorer
    pipeline: Any


def _train(folder: Path, analysis: str, *labels: str) -> TinyModel:
    # Here, so that the tests of the service do not pay for scikit-learn.
    import joblib

    from services.training.train import train

    train(recipe(analysis), material(labels or ("negative", "neutral", "positive")), folder, silent)
    scorer = FoldedScorer(decode((folder / FOLDED).read_bytes()))
    return TinyModel(folder, scorer, joblib.load(folder / PIPELINE))


@pytest.fixture(scope="session")
def tiny_words(tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    return _train(tmp_path_factory.mktemp("tiny") / "words", "words")


@pytest.fixture(scope="session")
def tiny_tweets(tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    return _train(tmp_path_factory.mktemp("tiny") / "tweets", "tweets")


@pytest.fixture(scope="session")
def tiny_binary(tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    return _train(tmp_path_factory.mktemp("tiny") / "binary", "tweets", "negative", "positive")


@pytest.fixture(params=["tiny_words", "tiny_tweets", "tiny_binary"])
def tiny(request: pytest.FixtureRequest) -> TinyModel:
    """Each of the three, in turn."""
    model: TinyModel = request.getfixturevalue(request.param)
    return model
