"""The folder of a cluster: who makes it, who keeps it and who removes it. No Ray."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from services.on_ray import cluster_folder

MOST_BYTES = 107
"""Of the path of a socket: sockaddr_un has 108, with a zero at the end."""
RAYS_PART = "/session_2026-11-24_17-06-26_123456_4194304/sockets/plasma_store.1"
"""Of the second node on a machine, with the largest pid that Linux gives."""
CRASHING = """
import os, sys
from pathlib import Path
from services.on_ray import cluster_folder as folder
folder.ROOT, folder._TEMPORARY = map(Path, sys.argv[1:])
with folder.held(is_first=True):
    folder.state().touch()
    os._exit(1)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That of a clone; neither it nor anything else is there."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(cluster_folder, "ROOT", tmp_path / "clone")
    monkeypatch.setattr(cluster_folder, "_TEMPORARY", tmp_path / "tmp")
    return cluster_folder.path()


def test_the_last_node_removes_it(folder: Path) -> None:
    with cluster_folder.held(is_first=True) as earlier:
        assert earlier == 0
        for number in (1, 2):
            with cluster_folder.held(is_first=False) as earlier:
                assert earlier == number
        assert folder.is_dir()
    assert not folder.exists()
    with cluster_folder.held(is_first=True), cluster_folder.held(is_first=False):
        pass
    assert not folder.exists()


def test_a_first_node_that_comes_back_finds_its_state(folder: Path) -> None:
    """By a crash, or told to start anew: `ray` ends by itself, and not politely."""
    with cluster_folder.held(is_first=True):
        cluster_folder.state().touch()
        with cluster_folder.held(is_first=False):
            for number in (2, 3):
                with cluster_folder.held(is_first=True) as earlier:
                    assert earlier == number
                    assert cluster_folder.state().exists()


def test_what_a_crash_left_is_no_state_where_no_other_node_runs(folder: Path) -> None:
    folders = cluster_folder.ROOT, cluster_folder._TEMPORARY
    command = [sys.executable, "-c", CRASHING, *map(str, folders)]
    assert subprocess.run(command, check=False).returncode == 1
    assert cluster_folder.state().exists()
    with cluster_folder.held(is_first=True) as earlier:
        assert earlier == 0
        assert list(folder.iterdir()) == []
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_another_node_may_start_sooner(folder: Path) -> None:
    with cluster_folder.held(is_first=False) as earlier:
        assert earlier > 0
        assert not folder.exists()
        with cluster_folder.held(is_first=True):
            assert folder.is_dir()


def _link(folder: Path, elsewhere: Path) -> None:
    folder.symlink_to(elsewhere)


def _file(folder: Path, elsewhere: Path) -> None:
    folder.touch()


@pytest.mark.parametrize("put", [_link, _file])
def test_what_somebody_else_put_there_is_refused(
    folder: Path, tmp_path: Path, put: Callable[[Path, Path], None]
) -> None:
    """A link to a folder of others, or anything that cannot be removed."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(0o700)
    (elsewhere / "precious").touch()
    put(folder, elsewhere)
    refused(folder)
    assert (elsewhere / "precious").exists()


@pytest.mark.parametrize(("mode", "owner"), [(0o755, os.getuid()), (0o700, os.getuid() + 1)])
def test_the_folder_of_another_user_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, mode: int, owner: int
) -> None:
    # In /tmp nobody can remove what is another user's.
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)
    folder.mkdir(mode)
    monkeypatch.setattr(os, "getuid", lambda: owner)
    monkeypatch.setattr(cluster_folder, "path", lambda: folder)
    refused(folder)


def refused(folder: Path) -> None:
    with pytest.raises(SystemExit) as ended, cluster_folder.held(is_first=True):
        pytest.fail("it was taken")
    assert ended.value.code == f"ray: {folder} is not ours: remove it, or have its owner do it"


@pytest.mark.parametrize("clone", ["/a", "/home/somebody/" + "long/" * 60 + "clone"])
@pytest.mark.parametrize("uid", [0, 65534, 4294967294])
@pytest.mark.parametrize("variable", [None, "/scratch/" + "long/" * 20])
def test_sockets_have_room_in_the_path(
    monkeypatch: pytest.MonkeyPatch, clone: str, uid: int, variable: str | None
) -> None:
    monkeypatch.setattr(cluster_folder, "ROOT", Path(clone))
    monkeypatch.setattr(os, "getuid", lambda: uid)
    if variable is not None:
        monkeypatch.setenv("TMPDIR", variable)
    path = f"{cluster_folder.path()}/ray{RAYS_PART}"
    assert len(path.encode()) <= MOST_BYTES


def test_two_clones_and_two_users_have_folders_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = set()
    for clone in ("/a", "/b"):
        for uid in (1, 2):
            monkeypatch.setattr(cluster_folder, "ROOT", Path(clone))
            monkeypatch.setattr(os, "getuid", lambda uid=uid: uid)
            found.add(cluster_folder.path())
    assert len(found) == 4
