"""Before and after a node of the cluster: token, folder, targets. Stub modules stand for Ray."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from services.on_ray import loopback
from tests.services.on_ray import stub_ray

MOST_BYTES = 107
"""Of the path of a socket: sockaddr_un has 108, with a zero at the end."""
RAYS_PART = "/session_2026-11-24_17-06-26_123456_4194304/sockets/plasma_store.1"
"""Of the second node on a machine, with the largest pid that Linux gives."""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone, and beside it the folder for what is temporary."""
    root = tmp_path / "clone"
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(loopback, "ROOT", root)
    monkeypatch.setattr(loopback, "TOKEN", root / "var/ray/token")
    monkeypatch.setattr(loopback, "TARGETS", root / "var/ray/targets.json")
    monkeypatch.setattr(loopback, "_TEMPORARY", tmp_path / "tmp")
    for name in loopback.environment():
        monkeypatch.setenv(name, "put back after the test")
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
    folder = loopback.temporary_folder()
    folder.mkdir()
    (folder / "session_of_yesterday").mkdir()
    seen: list[object] = []

    def ray() -> None:
        seen.extend([sys.argv[1:], mode(folder), list(folder.iterdir())])
        (folder / "ray").mkdir(0o777)  # Ray opens what it makes to everybody

    start("--head", program=ray)
    assert seen == [["start", "--head", f"--temp-dir={folder}/ray"], 0o700, []]
    assert not folder.exists()


def test_prometheus_is_told_while_it_runs(start: Start) -> None:
    seen: list[object] = []
    start("--head", program=lambda: seen.extend(json.loads(loopback.TARGETS.read_text())))
    assert seen == [
        {"targets": ["127.0.0.1:8713"], "labels": {"node": "ray-1"}},
        {"targets": ["127.0.0.1:8723"], "labels": {"node": "ray-2"}},
    ]
    assert not loopback.TARGETS.exists()


def test_another_node_makes_and_removes_nothing(root: Path, start: Start) -> None:
    start("--address=127.0.0.1:8700", program=lambda: None)
    assert sys.argv == ["ray", "start", "--address=127.0.0.1:8700"]
    assert not root.exists()
    folder = loopback.temporary_folder()
    folder.mkdir()
    start("--address=127.0.0.1:8700")
    assert folder.is_dir()


def test_it_tidies_up_after_a_crash_as_well(
    root: Path, monkeypatch: pytest.MonkeyPatch, start: Start
) -> None:
    def crash() -> None:
        raise OSError("no more memory")

    stub_ray.command_line(monkeypatch, crash)
    monkeypatch.setattr(sys, "argv", ["ray", "start", "--head"])
    with pytest.raises(OSError, match="no more memory"):
        loopback.main()
    assert not loopback.temporary_folder().exists()
    assert not loopback.TARGETS.exists()
    assert loopback.TOKEN.exists()


def _link(folder: Path, elsewhere: Path) -> None:
    folder.symlink_to(elsewhere)


def _file(folder: Path, elsewhere: Path) -> None:
    folder.touch()


@pytest.mark.parametrize("put", [_link, _file])
def test_what_somebody_else_put_there_is_refused(
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    put: Callable[[Path, Path], None],
) -> None:
    """A link to a folder of others, or anything that cannot be removed."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    folder = loopback.temporary_folder()
    put(folder, elsewhere)
    stub_ray.command_line(monkeypatch, lambda: pytest.fail("Ray was started"))
    monkeypatch.setattr(sys, "argv", ["ray", "start", "--head"])
    with pytest.raises(SystemExit) as ended:
        loopback.main()
    assert ended.value.code == f"ray: {folder} is not ours: remove it, or have its owner do it"
    assert (elsewhere / "precious").exists()
    assert not loopback.TARGETS.exists()


def test_the_folder_of_another_user_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(loopback, "_TEMPORARY", tmp_path)
    # In /tmp nobody can remove what is another user's.
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)
    folder = loopback.temporary_folder()
    folder.mkdir()
    with pytest.raises(SystemExit) as refused:
        loopback._empty_folder()
    said = f"ray: {folder} is not ours: remove it, or have its owner do it"
    assert str(refused.value.code) == said


@pytest.mark.parametrize("clone", ["/a", "/home/somebody/" + "long/" * 60 + "clone"])
@pytest.mark.parametrize("uid", [0, 65534, 4294967294])
@pytest.mark.parametrize("variable", [None, "/scratch/" + "long/" * 20])
def test_sockets_have_room_in_the_path(
    monkeypatch: pytest.MonkeyPatch, clone: str, uid: int, variable: str | None
) -> None:
    monkeypatch.setattr(loopback, "ROOT", Path(clone))
    monkeypatch.setattr(os, "getuid", lambda: uid)
    if variable is not None:
        monkeypatch.setenv("TMPDIR", variable)
    path = f"{loopback.temporary_folder()}/ray{RAYS_PART}"
    assert len(path.encode()) <= MOST_BYTES


def test_two_clones_and_two_users_have_folders_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = set()
    for clone in ("/a", "/b"):
        for uid in (1, 2):
            monkeypatch.setattr(loopback, "ROOT", Path(clone))
            monkeypatch.setattr(os, "getuid", lambda uid=uid: uid)
            found.add(loopback.temporary_folder())
    assert len(found) == 4
