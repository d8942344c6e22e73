"""Faults on purpose: off unless asked for, switchable, counted, and for this machine alone."""

import asyncio
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.middleware import Middleware

from services.app import create_app
from services.faults import MAX_DELAY_MS, BadFaults, FaultMiddleware, Faults, faults_from
from services.settings import SettingsError, load_settings
from tests.services.conftest import TinyModel
from tests.services.fake_model import served

COUNTED = 'http_requests_total{handler="/predict",method="POST"'
ENVIRON = {"MODEL_VERSION": "v2", "INSTANCE": "v2-1"}


class Clock:
    """Seconds, as the test says."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def spoilt(file: Path, clock: Clock | None = None, draws: Iterator[float] | None = None) -> FastAPI:
    app = served("v2")
    options: dict[str, Any] = {"file": file, "instance": lambda: "v2-1", "clock": clock or Clock()}
    if draws is not None:
        options["draw"] = draws.__next__
    app.user_middleware.append(Middleware(FaultMiddleware, **options))
    return app


def asked(
    app: FastAPI, path: str = "/predict", url: str = "http://127.0.0.1:8201"
) -> httpx.Response:
    async def exchange() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=url) as client:
            if path == "/predict":
                return await client.post(path, json={"sentence": "good"})
            return await client.get(path)

    return asyncio.run(exchange())


@pytest.fixture
def models(tmp_path: Path, tiny_words: TinyModel) -> dict[str, str]:
    """The environment of a service that has a model."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models/v2").symlink_to(tiny_words.folder)
    return {**ENVIRON, "MODELS_DIR": str(tmp_path / "models")}


def test_that_share_of_the_answers_is_500_and_counted_as_such(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text('{"v2-1": {"error_rate": 0.25}}')
    app = spoilt(file, draws=itertools.cycle([0.1, 0.25, 0.5, 0.9]))
    answers = [asked(app) for _ in range(8)]
    assert [answer.status_code for answer in answers] == [500, 200, 200, 200] * 2
    assert "on purpose" in answers[0].json()["detail"]
    counted = asked(app, "/metrics").text
    for status, count in ((500, 2), (200, 6)):
        assert f'{COUNTED},status="{status}"}} {count}.0' in counted


def test_it_is_switched_on_and_off_while_the_service_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, clock = tmp_path / "faults.json", Clock()
    app = spoilt(file, clock)
    assert asked(app).status_code == 200
    file.write_text('{"v2-1": {"error_rate": 1}}')
    clock.now = 0.99
    assert asked(app).status_code == 200  # looked at no sooner than a second later
    clock.now = 1.0
    assert asked(app).status_code == 500
    file.write_text('{"v1-1": {"error_rate": 1}}')
    clock.now = 2.0
    assert asked(app).status_code == 200
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "service: on purpose: 100% of the answers are 500, 0 ms added",
        "service: no faults now",
    ]


def test_a_delay_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "faults.json"
    file.write_text('{"v2-1": {"delay_ms": 7}}')
    held: list[float] = []
    monkeypatch.setattr("services.faults._hold", held.append)
    assert asked(spoilt(file)).status_code == 200
    assert held == [0.007]


def test_probes_metrics_and_what_comes_from_elsewhere_are_spared(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text('{"v2-1": {"error_rate": 1}}')
    app = spoilt(file)
    assert asked(app).status_code == 500
    assert asked(app, url="http://[::1]:8201").status_code == 500
    assert asked(app, "/healthz").status_code == 200
    assert asked(app, "/metrics").status_code == 200
    assert asked(app, url="http://192.0.2.1:8201").status_code == 200


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "not an object such as"),
        ('{"v2-1": 1}', "v2-1: not an object of error_rate and delay_ms"),
        ('{"v2-1": {"rate": 1}}', "v2-1: not an object of error_rate and delay_ms"),
        ('{"v2-1": {"error_rate": 1.5}}', "error_rate is 1.5: give a number from 0 to 1"),
        ('{"v2-1": {"error_rate": true}}', "error_rate is True"),
        ('{"v2-1": {"error_rate": NaN}}', "error_rate is nan"),
        ('{"v2-1": {"delay_ms": -1}}', "delay_ms is -1: give a number from 0 to 1000"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_means_no_fault(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BadFaults, match=message):
        faults_from(text, "v2-1")
    file, clock = tmp_path / "faults.json", Clock()
    file.write_text('{"v2-1": {"error_rate": 1}}')
    app = spoilt(file, clock)
    assert asked(app).status_code == 500
    file.write_text(text)
    clock.now = 1.0
    assert asked(app).status_code == 200
    assert f"service: {file}: " in capsys.readouterr().err


def test_values_and_the_absence_of_some() -> None:
    text = json.dumps({"v2-1": {"delay_ms": MAX_DELAY_MS}, "v1-1": {"error_rate": 0.5}})
    assert faults_from(text, "v2-1") == Faults(0.0, MAX_DELAY_MS)
    assert faults_from(text, "v1-1") == Faults(0.5, 0.0)
    assert faults_from(text, "v1-2") == Faults()


@pytest.mark.parametrize("address", ["", "127.0.0.1", "127.0.0.5", "::1", "[::1]"])
def test_on_loopback_it_is_taken(address: str) -> None:
    environ = {**ENVIRON, "FAULTS_FILE": "var/faults.json", "GATEWAY_LISTEN_ADDRESS": address}
    assert load_settings(environ).faults == Path("var/faults.json")


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1", "somewhere"])  # noqa: S104
def test_beyond_loopback_the_service_refuses_to_start(address: str) -> None:
    environ = {**ENVIRON, "FAULTS_FILE": "var/faults.json", "GATEWAY_LISTEN_ADDRESS": address}
    with pytest.raises(SettingsError, match=f'GATEWAY_LISTEN_ADDRESS is "{address}": faults are'):
        load_settings(environ)
    del environ["FAULTS_FILE"]
    assert load_settings(environ).faults is None


def test_it_is_said_at_the_start(
    models: Mapping[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "faults.json"
    file.write_text('{"v2-1": {"error_rate": 1}}')
    app = create_app({**models, "FAULTS_FILE": str(file)})
    assert "FAULTS ON PURPOSE: FAULTS_FILE is set, so v2-1" in capsys.readouterr().err
    assert asked(app).status_code == 500
    assert f'{COUNTED},status="500"}} 1.0' in asked(app, "/metrics").text


def test_no_file_of_the_workspace_asks_for_it() -> None:
    root = Path(__file__).parents[2]
    for name in ("process-compose.yaml", ".env", ".pc_env", "Makefile"):
        assert "FAULTS_FILE" not in (root / name).read_text(encoding="utf-8")


def test_without_the_variable_nothing_of_it_is_there(models: Mapping[str, str]) -> None:
    check = (
        "import os, sys; from services.app import create_app; app = create_app(); "
        "print(len(app.user_middleware), 'services.faults' in sys.modules)"
    )
    for faults, expected in (("", "2 False"), ("faults.json", "3 True")):
        environ = {**os.environ, **models, "FAULTS_FILE": faults}
        done = subprocess.run(
            [sys.executable, "-c", check], env=environ, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == expected
