"""A replica without Ray: stub modules stand for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fastapi import FastAPI

from services.artefact import read_manifest
from services.errors import install_error_handlers
from tests.services.asgi_client import ask, predict
from tests.services.conftest import TinyModel
from tests.services.on_ray import stub_ray


class Running:
    """The module under test, imported with the stubs, and the rank that Serve says."""

    def __init__(self, module: ModuleType, listening: ModuleType, rank: stub_ray.Rank) -> None:
        self.module: Any = module
        self.listening: Any = listening
        self.rank = rank


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """The module is imported anew, and gone after the test: others must not see the stubs."""
    name = "services.on_ray.replica"
    rank = stub_ray.Rank(0)
    context = stub_ray.ReplicaContext(rank)
    listening = stub_ray.serving(monkeypatch, get_replica_context=lambda: context)
    yield Running(import_module(name), listening, rank)
    sys.modules.pop(name)


@pytest.fixture
def app(running: Running) -> FastAPI:
    """An application with an answer, a refusal and a defect."""
    app = FastAPI()
    install_error_handlers(app)

    @app.get("/fine")
    async def fine() -> str:
        return "fine"

    @app.get("/broken")
    async def broken() -> str:
        raise ZeroDivisionError

    running.module.name(app, "v1")
    return app


@pytest.mark.parametrize(
    ("path", "status"),
    [("/fine", 200), ("/none", 404), ("/broken", 500)],
)
def test_every_answer_has_the_name(app: FastAPI, running: Running, path: str, status: int) -> None:
    """That of a defect, too: a 500 without a name would be asked again (proxy.py)."""
    for rank in (0, 2):
        running.rank.rank = rank
        answer = ask(app, "GET", path)
        assert answer.status_code == status
        assert answer.headers.get_list("x-instance") == [f"v1-{rank + 1}"]
        assert answer.headers["content-type"] == "application/json"


def test_it_stays_an_application_of_fastapi(app: FastAPI) -> None:
    """By whose routes Serve counts."""
    assert isinstance(app, FastAPI)
    assert "/fine" in {getattr(route, "path", "") for route in app.routes}


def test_the_model_of_that_folder_is_served(
    running: Running, tiny_words: TinyModel, tmp_path: Path
) -> None:
    (tmp_path / "v1").symlink_to(tiny_words.folder)
    _, digest = read_manifest(tiny_words.folder)
    app = running.module.Replica("v1", digest, str(tmp_path)).__serve_build_asgi_app__()
    assert ask(app, "GET", "/healthz").json()["model"] == digest
    answer = predict(app, "good")
    assert (answer.status_code, answer.headers["x-instance"]) == (200, "v1-1")


def test_another_model_than_was_deployed_is_refused(
    running: Running, tiny_words: TinyModel, tmp_path: Path
) -> None:
    """One replica would answer by another model than the rest."""
    (tmp_path / "v1").symlink_to(tiny_words.folder)
    _, found = read_manifest(tiny_words.folder)
    replica = running.module.Replica("v1", "0123456789ab", str(tmp_path))
    said = f"holds the model {found}, deployed was 0123456789ab: `python -m scripts.restart v1`"
    with pytest.raises(running.module.WrongModelError, match=said):
        replica.__serve_build_asgi_app__()


def test_it_fails_on_purpose_by_the_name_that_it_has_now(
    running: Running,
    tiny_words: TinyModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "v1").symlink_to(tiny_words.folder)
    file = tmp_path / "faults.json"
    file.write_text('{"v1-2": {"error_rate": 1}}')
    monkeypatch.setattr("services.faults.READ_EVERY_S", 0.0)
    _, digest = read_manifest(tiny_words.folder)
    replica = running.module.Replica("v1", digest, str(tmp_path), str(file))
    app = replica.__serve_build_asgi_app__()
    assert "FAULTS ON PURPOSE" in capsys.readouterr().err
    for rank, status in ((0, 200), (1, 500), (0, 200)):
        running.rank.rank = rank
        url = "http://127.0.0.1:8701/predict"
        answer = ask(app, "POST", url, json={"sentence": "good"})
        assert answer.status_code == status
        assert answer.headers["x-instance"] == f"v1-{rank + 1}"


def test_it_listens_on_loopback_only(
    running: Running, tiny_words: TinyModel, tmp_path: Path
) -> None:
    asked: list[str] = []

    def add_port(server: object, address: str) -> int:
        asked.append(address)
        return 8731

    running.listening.add_port_to_grpc_server = add_port
    (tmp_path / "v1").symlink_to(tiny_words.folder)
    _, digest = read_manifest(tiny_words.folder)
    running.module.Replica("v1", digest, str(tmp_path)).__serve_build_asgi_app__()
    assert running.listening.add_port_to_grpc_server(None, "[::]:0") == 8731
    assert asked == ["127.0.0.1:0"]
