import json
import subprocess
import sys
from collections.abc import Mapping

import pytest
from fastapi import FastAPI

from services.app import create_app
from tests.services.asgi_client import ask, predict
from tests.services.fake_model import DIGEST, FakeScorer, served


@pytest.fixture(scope="module")
def v1() -> FastAPI:
    return served("v1")


@pytest.fixture(scope="module")
def v2() -> FastAPI:
    return served("v2")


# ---- answers -------------------------------------------------------------------


def test_v1_answers_the_class_alone(v1: FastAPI) -> None:
    response = predict(v1, "so good")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-prediction"] == "positive"
    assert response.json() == {
        "prediction": "positive",
        "prediction value": "positive",
        "version": "v1",
    }


def test_v2_says_how_it_came_to_the_answer(v2: FastAPI) -> None:
    response = predict(v2, "an awful day but good coffee")
    assert response.status_code == 200
    assert response.headers["x-prediction"] == "negative"
    assert response.json() == {
        "prediction": "negative",
        "prediction value": "negative",
        "version": "v2",
        "prediction_proba_dict": {"negative": 0.75, "neutral": 0.125, "positive": 0.125},
        "confidence": 0.75,
        "known_tokens": 2,
        "explanation": [{"token": "awful", "weight": -2.0}, {"token": "good", "weight": 1.0}],
        "model": DIGEST,
    }


@pytest.mark.parametrize(
    "sentence", ["", " ", "\0", "\x1b[31m", "😀😀", "Привет", "مرحبا", "e\u0301", "a" * 10_000]
)
def test_every_sentence_has_an_answer(v2: FastAPI, sentence: str) -> None:
    response = predict(v2, sentence)
    assert response.status_code == 200
    assert response.json()["prediction"] == "neutral"
    assert response.json()["known_tokens"] == 0


def test_classes_come_from_the_model_and_fit_into_a_header() -> None:
    app = served("v2", FakeScorer(("très\nmauvais", "bof", "50 % bien")))
    bad, good = predict(app, "bad"), predict(app, "good")
    assert bad.json()["prediction"] == "très\nmauvais"
    assert bad.headers["x-prediction"] == "tr%C3%A8s%0Amauvais"
    assert good.headers["x-prediction"] == "50 %25 bien"
    assert list(good.json()["prediction_proba_dict"]) == ["très\nmauvais", "bof", "50 % bien"]


def test_other_keys_are_ignored(v1: FastAPI) -> None:
    body = {"sentence": "good", "user": {"id": 1}, "prediction": "negative"}
    assert ask(v1, "POST", "/predict", json=body).json()["prediction"] == "positive"


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/x+json",
    ],
)
def test_every_spelling_of_json_is_accepted(v1: FastAPI, media_type: str) -> None:
    response = ask(
        v1, "POST", "/predict", content='{"sentence": ""}', headers={"Content-Type": media_type}
    )
    assert response.status_code == 200


# ---- health and documentation --------------------------------------------------


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_health_names_the_instance_and_its_model(version: str) -> None:
    response = ask(served(version), "GET", "/healthz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "instance": f"{version}-1",
        "version": version,
        "model": DIGEST,
    }


def test_health_can_be_asked_with_head(v1: FastAPI) -> None:
    assert ask(v1, "HEAD", "/healthz").status_code == 200


def test_each_version_documents_its_own_answer(v1: FastAPI, v2: FastAPI) -> None:
    assert "prediction_proba_dict" not in json.dumps(v1.openapi())
    assert "prediction_proba_dict" in json.dumps(v2.openapi())
    assert "prediction value" in json.dumps(v1.openapi())
    v3 = served("v3").openapi()
    assert v3["components"]["schemas"]["PredictionV3"]["properties"]["version"]["const"] == "v3"
    assert set(v1.openapi()["paths"]) == {"/predict", "/healthz"}


# ---- start ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, 'MODEL_VERSION is "": set it to v1, v2, v3 and so on'),
        ({"MODEL_VERSION": "../v1"}, 'MODEL_VERSION is "../v1": set it to v1, v2'),
        ({"MODEL_VERSION": "v0"}, 'MODEL_VERSION is "v0": set it to v1, v2'),
        (
            {"MODEL_VERSION": "v3", "INSTANCE": "v3-1", "MODELS_DIR": "nowhere"},
            "nowhere/v3/manifest.json is missing; run `make gen-model` for v1 and v2, or "
            "`make adopt MODEL=my.joblib SLOT=v3`",
        ),
        ({"MODEL_VERSION": "v1"}, 'INSTANCE is "": set it to the name of this process'),
        ({"MODEL_VERSION": "v1", "INSTANCE": "a b"}, 'INSTANCE is "a b": set it to the name'),
        (
            {"MODEL_VERSION": "v1", "INSTANCE": "v1-1", "MODELS_DIR": "nowhere"},
            "nowhere/v1/manifest.json is missing",
        ),
    ],
)
def test_a_service_that_cannot_serve_does_not_start(
    environ: Mapping[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        create_app(environ)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith(f"service: {message}")


def test_the_settings_come_from_the_environment_of_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODEL_VERSION", "9")
    with pytest.raises(SystemExit):
        create_app()
    assert 'MODEL_VERSION is "9"' in capsys.readouterr().err


def test_serving_does_not_import_the_training_libraries() -> None:
    check = (
        "import sys, services.app; "
        "sys.stdout.write(','.join({'sklearn', 'scipy', 'numpy', 'joblib'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True
    )
    assert result.stdout == ""
