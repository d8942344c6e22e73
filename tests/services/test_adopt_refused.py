"""Why a model is not adopted, and what is only warned of."""

from pathlib import Path
from typing import Any

import pytest

from services.sklearn_backend import Unusable
from tests.services import emotions
from tests.services.strange_models import (
    FailsOnEmpty,
    NoProbabilities,
    NotANumber,
    OneShape,
    Same,
    Untrained,
)


def adopt_here(model: Path, folder: Path) -> Any:
    """What the process of its own does, in this one: no second import of scikit-learn."""
    from services.training.adoption import adopt

    return adopt(model, folder, "v2", model.name)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (NoProbabilities(), "a NoProbabilities has no predict_proba"),
        (Untrained(), "has no classes_: was it trained"),
        (Same(), "two or more different names"),
        (OneShape(), r"has the shape (1, 2), not (1, 3)"),
        (FailsOnEmpty(), "predict_proba(['']) fails: KeyError: 'no words'"),
        (NotANumber(), "the probabilities of 'Oh yeah, that was soooo cool!' are [nan, nan]"),
        ({"model": 1}, "a dict has no predict_proba"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_why_a_model_cannot_be_served(model: object, reason: str, tmp_path: Path) -> None:
    file = emotions.save(model, tmp_path / "bad.joblib")
    with pytest.raises(Unusable) as refused:
        adopt_here(file, tmp_path / "v2")
    assert reason in str(refused.value)
    assert not (tmp_path / "v2").exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a joblib file that can be read here"),
        (b"PK\x03\x04 not a pickle", "not a joblib file that can be read here"),
        (b"cnowhere_to_be_found\nthing\n.", "needs the Python module nowhere_to_be_found"),
        (b"c__main__\nmy_tokenizer\n.", "function of a script or notebook"),
    ],
)
def test_why_a_file_does_not_load(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "bad.joblib").write_bytes(content)
    with pytest.raises(Unusable, match=reason):
        adopt_here(tmp_path / "bad.joblib", tmp_path / "v2")


def test_a_model_of_another_release_is_adopted_with_a_warning(tmp_path: Path) -> None:
    import sklearn

    # Uncompressed, the release stands in the pickle as a plain string.
    version = sklearn.__version__.encode()
    exam_file = emotions.save(emotions.exam_pipeline(), tmp_path / "model.joblib")
    older = exam_file.read_bytes().replace(version, b"0" * len(version))
    (tmp_path / "older.joblib").write_bytes(older)
    manifest = adopt_here(tmp_path / "older.joblib", tmp_path / "v2")
    assert manifest["warning"].startswith(f"saved by scikit-learn {'0' * len(version)}, here is")
