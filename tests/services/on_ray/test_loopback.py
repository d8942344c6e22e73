"""Before and after a node of the cluster: token, folder, targets. Stub modules stand for Ray."""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from services.on_ray import cluster_folder, loopback
from tests.services.on_ray import stub_ray


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone, and beside it the folder for what is temporary."""
    root = tmp_path / "clone"
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(cluster_folder, "ROOT", root)
    monkeypatch.setattr(loopback, "TOKEN", root / "var/ray/token")
    monkeypatch.setattr(loopback, "TARGETS", root / "var/ray/targets.json")
    monkeypatch.setattr(cluster_folder, "_TEMPORARY", tmp_path / "tmp")
    for name in (*loopback.environment(), loopback.STATE_VARIABLE):
        monkeypatch.setenv(name, "put back after the test")
    monkeypatch.setattr(os, "nice", lambda step: None)
    return root


Start = Callable[..., ModuleType]


@pytest.fixture
def start(root: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Run a node that does `program` and ends, as `ray` does, by SystemExit."""

    def run(*arguments: str, program: Callable[[], None] = lambda: None) -> ModuleType:
        def ray() -> None:
            program()
            raise SystemExit(0)

        services = stub_ray.command_line(monkeypatch, ray)
        monkeypatch.setattr(sys, "argv", ["ray", "start", *arguments])
        with pytest.raises(SystemExit) as ended:
            loopback.main()
        assert ended.value.code == 0
        return services

    return run


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_token_is_made_once_and_for_its_owner(root: Path, start: Start, umask: int) -> None:
    seen: list[tuple[int, str]] = []

    def note() -> None:
        seen.append((mode(loopback.TOKEN), loopback.TOKEN.read_text()))

    before = os.umask(umask)
    try:
        start("--head", program=note)
        start("--head", program=note)
    finally:
        os.umask(before)
    assert seen[0] == seen[1]
    assert seen[0][0] == 0o400
    assert len(bytes.fromhex(seen[0][1])) == 32
    assert loopback.TOKEN.stat().st_uid == os.getuid()


def test_what_an_interrupted_start_left_of_a_token_is_not_used(root: Path, start: Start) -> None:
    unfinished = root / "var/ray/token.new"
    unfinished.parent.mkdir(parents=True)
    unfinished.touch(0o400)
    start("--head")
    assert len(loopback.TOKEN.read_text()) == 64
    assert not unfinished.exists()


@pytest.mark.parametrize("mode_before", [0o444, 0o440, 0o620, 0o601])
def test_a_token_that_others_could_use_is_replaced(
    root: Path, start: Start, mode_before: int, capsys: pytest.CaptureFixture[str]
) -> None:
    start("--head")
    first = loopback.TOKEN.read_text()
    loopback.TOKEN.chmod(mode_before)
    start("--head")
    assert loopback.TOKEN.read_text() != first
    assert mode(loopback.TOKEN) == 0o400
    said = f"ray: {loopback.TOKEN} could be read by others: there is another one now\n"
    assert capsys.readouterr().err == said


def test_a_token_that_another_node_uses_stays(root: Path, start: Start) -> None:
    start("--head")
    first = loopback.TOKEN.read_text()
    loopback.TOKEN.chmod(0o444)
    with cluster_folder.held(is_first=False):
        start("--head")
        assert loopback.TOKEN.read_text() == first
        loopback.TOKEN.unlink()
        start("--head")
    assert mode(loopback.TOKEN) == 0o400


def test_two_clones_have_two_tokens(
    root: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    start("--head")
    first = loopback.TOKEN.read_text()
    monkeypatch.setattr(loopback, "TOKEN", root / "var/other/token")
    start("--head")
    assert loopback.TOKEN.read_text() != first


def test_ray_knows_the_token_and_takes_loopback_as_it_is(start: Start) -> None:
    seen: dict[str, str] = {}
    services = start("--address=x", program=lambda: seen.update(os.environ))
    assert (seen["RAY_AUTH_MODE"], seen["RAY_AUTH_TOKEN_PATH"]) == ("token", str(loopback.TOKEN))
    assert services.resolve_ip_for_localhost("127.0.0.1") == "127.0.0.1"


def test_the_first_node_has_a_folder_that_nobody_else_can_enter(start: Start) -> None:
    folder = cluster_folder.path()
    folder.mkdir()
    (folder / "session_of_yesterday").mkdir()
    seen: list[object] = []

    def ray() -> None:
        seen.extend([sys.argv[1:], mode(folder), list(folder.iterdir())])
        seen.append(os.environ[loopback.STATE_VARIABLE])
        (folder / "ray").mkdir(0o777)  # Ray opens what it makes to everybody

    start("--head", program=ray)
    assert seen == [["start", "--head", f"--temp-dir={folder}/ray"], 0o700, [], f"{folder}/gcs"]
    assert not folder.exists()


def test_a_first_node_that_comes_back_is_taken_for_no_second_cluster(start: Start) -> None:
    """`ray start` refuses where this file names its own address and another node runs."""
    file = cluster_folder.path() / "ray/ray_current_cluster"

    def crash() -> None:
        file.parent.mkdir()
        file.touch()
        start("--head", program=lambda: there.append(file.exists()))

    there: list[bool] = []
    start("--head", program=crash)
    assert there == [False]


@pytest.mark.parametrize(("argument", "politely"), [("--head", False), ("--address=x", True)])
def test_only_another_node_ends_politely(start: Start, argument: str, politely: bool) -> None:
    """Or nobody starts the controller of Serve when the first one comes back."""
    told: list[bool] = []

    def stop() -> None:
        node = import_module("ray._private.node").Node()
        node.kill_all_processes(check_alive=False, allow_graceful=True)
        told.extend(node.told)

    start(argument, program=stop)
    assert told == [politely]


def test_whoever_starts_is_nicer_than_who_runs(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    monkeypatch.setattr(os, "nice", steps.append)

    def again() -> None:
        start("--address=x", program=lambda: start("--head"))

    start("--head", program=again)
    start("--head")
    assert steps == [0, 5, 10, 0]


def test_prometheus_is_told_while_it_runs(start: Start) -> None:
    seen: list[object] = []
    start("--head", program=lambda: seen.extend(json.loads(loopback.TARGETS.read_text())))
    assert seen == [
        {"targets": ["127.0.0.1:8713"], "labels": {"node": "ray-1"}},
        {"targets": ["127.0.0.1:8723"], "labels": {"node": "ray-2"}},
    ]
    assert not loopback.TARGETS.exists()


def test_another_node_makes_nothing(root: Path, start: Start) -> None:
    start("--address=127.0.0.1:8700")
    assert sys.argv == ["ray", "start", "--address=127.0.0.1:8700"]
    assert not loopback.TOKEN.exists()
    assert not cluster_folder.path().exists()


def test_it_tidies_up_after_a_crash_as_well(
    root: Path, monkeypatch: pytest.MonkeyPatch, start: Start
) -> None:
    def crash() -> None:
        raise OSError("no more memory")

    stub_ray.command_line(monkeypatch, crash)
    monkeypatch.setattr(sys, "argv", ["ray", "start", "--head"])
    with pytest.raises(OSError, match="no more memory"):
        loopback.main()
    assert not cluster_folder.path().exists()
    assert not loopback.TARGETS.exists()
    assert loopback.TOKEN.exists()
