"""What a door decides before it becomes nginx."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from services.on_ray import door, loopback
from tests.services.on_ray.conftest import Workspace
from tests.services.on_ray.nodes import Answer, Asked


@pytest.fixture
def inside(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The code of this process works on `workspace`."""
    monkeypatch.chdir(workspace.root)
    monkeypatch.setattr(loopback, "ROOT", workspace.root)
    monkeypatch.setattr(loopback, "TOKEN", workspace.root / "var/ray/token")
    monkeypatch.setattr(door, "PROXIES", tuple(node.port for node in workspace.nodes))
    return workspace


class Became(Exception):
    """The process would be another program now."""


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command that the door turned into."""
    commands: list[list[str]] = []

    def exec_(program: str, command: list[str]) -> NoReturn:
        assert program == command[0]
        commands.append(command)
        raise Became

    monkeypatch.setattr("os.execvp", exec_)
    return commands


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"MODEL_VERSION": "3"}, 'v1-1: MODEL_VERSION is "3": set it to v1, v2, v3 and so on'),
        ({"INSTANCE": ""}, 'door: INSTANCE is ""'),
        ({"INSTANCE": "../x"}, '../x: INSTANCE is "../x"'),
        ({"MODEL_VERSION": "v2"}, "v1-1: var/models/v2/manifest.json is missing"),
        *(
            ({"PORT": port}, f'v1-1: PORT is "{port}": set it to a number from 1 to 65535')
            for port in ("", "0", "65536", "-1", "8101;", "eight", "٣", "81 01")
        ),
    ],
)
def test_what_cannot_be_used_is_said_and_nothing_deployed(
    inside: Workspace,
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, str],
    said: str,
) -> None:
    assert door.main(inside.environ(8101) | changed) == door.EXIT_CONFIGURATION
    assert capsys.readouterr().err.startswith(said)
    assert inside.deployments == []


def test_a_missing_port_is_said(inside: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    environ = inside.environ(8101)
    del environ["PORT"]
    assert door.main(environ) == door.EXIT_CONFIGURATION
    assert 'PORT is ""' in capsys.readouterr().err


def _model(digest: str) -> Answer:
    return 200, json.dumps({"model": digest}).encode()


def test_what_is_served_is_asked_of_the_first_node(inside: Workspace) -> None:
    first, second = inside.nodes
    first.answer = lambda _: _model("abc")
    assert door.served("v2") == "abc"
    # By a name that the application does not refuse.
    assert first.asked == [Asked("GET", "/v2/healthz", "localhost", b"")]
    assert second.asked == []


@pytest.mark.parametrize(
    "garbage",
    [
        (200, b"ok"),
        (200, b""),
        (200, b"\xff"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b"null"),
        (200, b'{"model": "' + b"x" * (1 << 17) + b'"}'),
        (404, b'{"model": "wrong"}'),
        (503, b'{"model": "wrong"}'),
        None,
    ],
)
def test_what_a_node_cannot_say_another_one_may(inside: Workspace, garbage: Answer) -> None:
    first, second = inside.nodes
    first.answer = lambda _: garbage
    second.answer = lambda _: _model("abc")
    assert door.served("v1") == "abc"
    second.answer = lambda _: garbage
    assert door.served("v1") is None


def test_a_dead_node_is_no_error(inside: Workspace) -> None:
    first, second = inside.nodes
    first.stop()
    second.answer = lambda _: _model("abc")
    assert door.served("v1") == "abc"
    second.stop()
    assert door.served("v1") is None


def test_a_model_that_is_served_is_not_deployed(inside: Workspace, became: list[list[str]]) -> None:
    inside.serve(inside.digest)
    with pytest.raises(Became):
        door.main(inside.environ(8101))
    assert inside.deployments == []
    assert [command[0] for command in became] == ["nginx"]


@pytest.mark.parametrize("served", ["another", None])
def test_another_model_is_deployed(
    inside: Workspace,
    became: list[list[str]],
    capsys: pytest.CaptureFixture[str],
    served: str | None,
) -> None:
    if served is not None:
        inside.serve(served)
    with pytest.raises(Became):
        door.main(inside.environ(8101))
    assert inside.deployments == [f"-m services.on_ray.deploy {inside.digest}"]
    assert len(became) == 1
    assert f"v1-1: v1 {inside.digest} deployed in 0 s" in capsys.readouterr().err


def test_the_failure_of_a_deployment_is_passed_on(
    inside: Workspace, became: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    (inside.root / "fails").touch()
    assert door.main(inside.environ(8101)) == 7
    assert became == []
    assert capsys.readouterr().err == "v1-1: v1 was not deployed; it is tried again\n"


def _remove_ray(root: Path) -> None:
    (root / ".tools/ray/bin/python").unlink()


def _remove_nginx(root: Path) -> None:
    (root / "deployed").touch()


@pytest.mark.parametrize(
    ("remove", "said"),
    [
        (_remove_ray, "(No such file or directory): scripts/bootstrap_ray.sh brings it\n"),
        (_remove_nginx, "nginx cannot be started ([Errno 2] No such file or directory)"),
    ],
)
def test_a_missing_program_is_said(
    inside: Workspace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    remove: Callable[[Path], None],
    said: str,
) -> None:
    inside.serve_once_deployed()
    remove(inside.root)
    monkeypatch.setenv("PATH", str(inside.root))
    assert door.main(inside.environ(8101)) == door.EXIT_CONFIGURATION
    assert said in capsys.readouterr().err
