"""What `make test-api` calls wrong, and what it never shows."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from gateway.settings import load_settings
from gateway.topology import load_topology
from gateway.workload import load_workload
from probes import example
from probes.example import Answer

ROOT = Path(__file__).parents[2]
SETTINGS = load_settings(ROOT, {})
WORKLOAD = load_workload(ROOT)
TOPOLOGY = load_topology(ROOT, SETTINGS)
PLAIN = {"prediction": "positive", "version": "v1"}
RICH = {**PLAIN, "version": "v2", "prediction_proba_dict": {"positive": 1.0}}


def wrong(status: int, instance: str, body: object, debug: bool) -> tuple[str, ...]:
    text = body if isinstance(body, str) else json.dumps(body)
    return example.problems(Answer(status, instance, text), WORKLOAD, TOPOLOGY, debug)


def test_the_expected_answers_pass() -> None:
    assert wrong(200, "v1-2", PLAIN, False) == ()
    assert wrong(200, "v2-1", RICH, True) == ()


@pytest.mark.parametrize(
    ("status", "instance", "body", "debug", "said"),
    [
        (401, "", {"detail": "no"}, False, "status 401"),
        (200, "v1-1", "<html>", False, "not JSON"),
        (200, "v2-1", PLAIN, False, "answered by v2-1"),
        (200, "v1-1", RICH, True, "answered by v1-1"),
        (200, "", PLAIN, False, "answered by nobody, not by an instance of v1"),
        (200, "v1-1", {"prediction": "negative"}, False, "'negative', not 'positive'"),
        (200, "v1-1", {}, False, "nothing at '/prediction'"),
        (200, "v1-1", RICH, False, "must not have /prediction_proba_dict"),
        (200, "v2-1", PLAIN, True, "lacks /prediction_proba_dict"),
    ],
)
def test_everything_else_is_named(
    status: int, instance: str, body: object, debug: bool, said: str
) -> None:
    assert said in "; ".join(wrong(status, instance, body, debug))


def test_without_an_expected_answer_any_will_do() -> None:
    any_answer = dataclasses.replace(WORKLOAD.example, answer=None, debug_only=None)
    workload = dataclasses.replace(WORKLOAD, example=any_answer)

    def found(body: object) -> tuple[str, ...]:
        answer = Answer(200, "v1-1", json.dumps(body))
        return example.problems(answer, workload, TOPOLOGY, debug=False)

    assert found({"prediction": 12}) == ()
    assert "nothing at '/prediction'" in "; ".join(found({"price": 12}))


def test_the_command_is_the_documented_one() -> None:
    command = example.curl_command(SETTINGS, WORKLOAD, debug=True)
    assert command[:5] == ["curl", "--user", "admin:admin", "--cacert", "nginx/certs/nginx.crt"]
    assert "X-Experiment-Group: debug" in command
    assert command[-1] == "https://localhost:8443/predict"
    assert json.loads(command[command.index("--json") + 1]) == {
        "sentence": "Oh yeah, that was soooo cool!"
    }


def test_a_real_password_is_neither_shown_nor_an_argument(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = dataclasses.replace(SETTINGS, password="not for everyone")
    monkeypatch.setattr(example, "load_settings", lambda root, environ: secret)

    def send(command: list[str], settings: object) -> Answer:
        assert "not for everyone" not in " ".join(command)
        return Answer(200, "v1-1", json.dumps(PLAIN))

    monkeypatch.setattr(example, "send", send)
    monkeypatch.chdir(ROOT)
    assert example.main([]) == 0
    assert "not for everyone" not in "".join(capsys.readouterr())
