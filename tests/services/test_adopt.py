"""A model of one's own in a slot: from the file to the answer, and back."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from services.adopt import ExitCode, main
from services.app import create_app
from services.artefact import (
    FOLDED,
    MANIFEST,
    PIPELINE,
    ArtefactError,
    Backend,
    Origin,
    file_entry,
    load,
)
from services.sklearn_backend import SklearnScorer
from services.training.publish import origin
from tests.services import emotions
from tests.services.asgi_client import ask, predict
from tests.services.conftest import TinyModel
from tests.services.fake_model import served
from tests.services.strange_models import Exits, Numbers, Untrained

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def exam_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return emotions.save(emotions.exam_pipeline(), tmp_path_factory.mktemp("exam") / "model.joblib")


@pytest.fixture
def models_dir(tiny_tweets: TinyModel, tmp_path: Path) -> Path:
    """A folder in which v2 is a shipped model."""
    shutil.copytree(tiny_tweets.folder, tmp_path / "models" / "v2")
    return tmp_path / "models"


@pytest.fixture(autouse=True)
def _in_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def adopted(model: Path, models_dir: Path, slot: str = "v2") -> ExitCode:
    return main([str(model), "--slot", slot, "--yes", "--models-dir", str(models_dir)])


def service(models_dir: Path) -> Any:
    environ = {"MODEL_VERSION": "v2", "INSTANCE": "v2-1", "MODELS_DIR": str(models_dir)}
    return create_app(environ)


def state(models_dir: Path) -> dict[str, bytes]:
    """Everything in the folder, but for the lock."""
    return {
        str(path.relative_to(models_dir)): path.read_bytes()
        for path in models_dir.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


# ---- the exam's layout ---------------------------------------------------------


def test_the_exams_pipeline_is_adopted_as_it_is_and_back_again(
    exam_file: Path, models_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = load(models_dir / "v2").digest
    assert adopted(exam_file, models_dir) is ExitCode.PASS
    said = capsys.readouterr().err
    sha256 = subprocess.check_output(["sha256sum", exam_file], text=True).split()[0]
    assert f"{exam_file}, {exam_file.stat().st_size} bytes, sha256 {sha256}" in said
    assert "served folded" in said
    assert "make adopt UNDO=1 SLOT=v2" in said
    artefact = load(models_dir / "v2")
    assert artefact.scorer.classes == emotions.CLASSES
    assert artefact.manifest["files"][PIPELINE]["sha256"] == sha256
    assert origin(models_dir, "v2") is Origin.ADOPTED
    answer = predict(service(models_dir), "I hate my job").json()
    assert answer["prediction"] == "hate"
    assert set(answer["prediction_proba_dict"]) == set(emotions.CLASSES)
    assert len(answer["prediction_proba_dict"]) == 13
    assert sum(answer["prediction_proba_dict"].values()) == pytest.approx(1, abs=1e-9)
    assert answer["known_tokens"] == 3
    assert answer["model"] == artefact.digest != before

    undo = ["--undo", "--slot", "v2", "--models-dir", str(models_dir)]
    assert main(undo) is ExitCode.PASS
    assert load(models_dir / "v2").digest == before
    assert main(undo) is ExitCode.PASS
    assert load(models_dir / "v2").digest == artefact.digest


def test_what_scikit_learn_serves_itself(
    models_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), MultinomialNB())
    model.fit(emotions.texts(), emotions.labels())
    assert adopted(emotions.save(model, tmp_path / "nb.joblib"), models_dir) is ExitCode.PASS
    assert "the step MultinomialNB is no logistic regression" in capsys.readouterr().err
    manifest = load(models_dir / "v2").manifest
    assert manifest["backend"] == Backend.SKLEARN
    assert set(manifest["files"]) == {PIPELINE}
    app = service(models_dir)
    answer = predict(app, "I love love the unheard").json()
    assert answer["prediction"] == "love"
    assert list(answer["prediction_proba_dict"].values()) == pytest.approx(
        model.predict_proba(["I love love the unheard"])[0].tolist()
    )
    assert answer["known_tokens"] == 3
    assert answer["explanation"] == []
    assert 'model_predictions_total{label="love"} 1.0' in ask(app, "GET", "/metrics").text


def test_numeric_classes_become_text_and_unknown_tokens_null() -> None:
    answer = predict(served("v2", SklearnScorer(Numbers())), "yes").json()
    assert answer["prediction"] == "1"
    assert answer["prediction_proba_dict"] == {"0": 0.25, "1": 0.75}
    assert answer["known_tokens"] is None
    assert predict(served("v1", SklearnScorer(Numbers())), "").json()["prediction"] == "0"


# ---- what is not adopted -------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Untrained(), "bad.joblib: this Untrained has no classes_: was it trained?; nothing was"),
        (Exits(), "bad.joblib: the process that loaded it ended with code 7"),
    ],
    ids=["refused", "ends the process"],
)
def test_a_model_that_cannot_be_served_changes_nothing(
    model: object,
    reason: str,
    models_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = state(models_dir)
    assert adopted(emotions.save(model, tmp_path / "bad.joblib"), models_dir) is ExitCode.FAILED
    assert reason in capsys.readouterr().err.splitlines()[-1]
    assert state(models_dir) == before


# ---- trust ---------------------------------------------------------------------


def run(model: Path, models_dir: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "services.adopt", str(model)),
            *("--slot", "v2", "--models-dir", str(models_dir)),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_without_a_terminal_nothing_is_loaded_unasked(exam_file: Path, models_dir: Path) -> None:
    before = state(models_dir)
    done = run(exam_file, models_dir)
    assert done.returncode == ExitCode.USAGE
    assert "runs code that is in it" in done.stderr
    assert "--yes" in done.stderr
    assert done.stdout == ""
    assert state(models_dir) == before


class Terminal:
    """Somebody who types one line."""

    def __init__(self, line: str) -> None:
        self.line = line

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        return self.line


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("Y\n", ExitCode.PASS),
        ("no\n", ExitCode.USAGE),
        ("\n", ExitCode.USAGE),
        ("", ExitCode.USAGE),
    ],
)
def test_on_a_terminal_it_asks_once(
    exam_file: Path,
    models_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: str,
    code: ExitCode,
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    arguments = [str(exam_file), "--slot", "v2", "--models-dir", str(models_dir)]
    assert main(arguments) is code
    said = capsys.readouterr().err
    assert said.count("Do you trust this one? [y/N]") == 1
    assert said.index("sha256") < said.index("Do you trust")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--slot", "v2"],
        ["model.joblib"],
        ["model.joblib", "--slot", "v0"],
        ["model.joblib", "--slot", "v2", "--undo"],
    ],
)
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == ExitCode.USAGE


def test_a_missing_file_or_model_before_is_2(
    models_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert adopted(models_dir / "none.joblib", models_dir) is ExitCode.USAGE
    assert "none.joblib: No such file" in capsys.readouterr().err
    undo = ["--undo", "--slot", "v2", "--models-dir", str(models_dir)]
    assert main(undo) is ExitCode.USAGE
    assert "v2.previous: no model to go back to" in capsys.readouterr().err


# ---- afterwards ----------------------------------------------------------------


def test_an_adopted_model_is_verified_before_it_is_loaded(models_dir: Path, tmp_path: Path) -> None:
    """The altered file would end the process: it must not get that far."""
    folder = models_dir / "v2"
    (folder / FOLDED).unlink()
    emotions.save(Exits(), folder / PIPELINE)
    entry = {"sha256": "0" * 64, "size": 1}
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest |= {"backend": "sklearn", "origin": "adopted", "files": {PIPELINE: entry}}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ArtefactError, match=r"model\.joblib does not match.*make adopt"):
        load(folder)


def test_a_pipeline_that_no_longer_loads_is_named(models_dir: Path) -> None:
    folder = models_dir / "v2"
    (folder / FOLDED).unlink()
    (folder / PIPELINE).write_bytes(b"cnowhere_to_be_found\nthing\n.")
    manifest = json.loads((folder / MANIFEST).read_text())
    files = {PIPELINE: file_entry(folder / PIPELINE)}
    manifest |= {"backend": "sklearn", "origin": "adopted", "files": files}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ArtefactError, match="needs the Python module nowhere_to_be_found"):
        load(folder)
