from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway import process_table
from scripts import leftovers
from scripts.stack import wait_until

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")

DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"


@contextmanager
def process(folder: Path, program: str = DEAF, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process in `folder` that has begun to run."""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=folder,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
    ) as started:
        try:
            assert started.stdout is not None
            started.stdout.readline()
            yield started
        finally:
            started.kill()


def pids(root: Path) -> list[int]:
    return [entry.pid for entry in leftovers.leftovers(root)]


def test_only_what_a_supervisor_started_in_this_folder_is_left_over(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with (
        process(tmp_path, PC_PROC_NAME="v1-1") as orphan,
        process(tmp_path),
        process(tmp_path / "other", PC_PROC_NAME="v1-1"),
    ):
        assert pids(tmp_path) == [orphan.pid]


def test_what_is_supervised_is_not_left_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "_TERM_SECONDS", 0.2)
    # A shell by the name of process-compose, with a child.
    program = tmp_path / "process-compose"
    program.symlink_to("/bin/sh")
    child = f"PC_PROC_NAME=v1-1 {sys.executable} -c '{DEAF}' & wait"
    with subprocess.Popen(
        [program, "-c", child, "up"], cwd=tmp_path, stdout=subprocess.PIPE
    ) as supervisor:
        assert supervisor.stdout is not None
        supervisor.stdout.readline()
        assert [entry.pid for entry in leftovers.supervisors(tmp_path)] == [supervisor.pid]
        started = pids(tmp_path)
        supervisor.kill()
        supervisor.wait()
        orphans = leftovers.leftovers(tmp_path)
        leftovers.end(orphans)
    assert started == []
    assert len(orphans) == 1


@pytest.mark.parametrize("file", ["nginx.pid", "nginx-v1-4.pid"])
def test_nginx_is_known_by_its_pid_file(tmp_path: Path, file: str) -> None:
    program = tmp_path / "nginx"
    program.symlink_to("/bin/sleep")
    (tmp_path / "var/run").mkdir(parents=True)
    with subprocess.Popen([program, "60"], cwd=tmp_path) as nginx:
        try:
            assert wait_until(
                lambda: getattr(process_table.entry(nginx.pid), "name", "") == "nginx", 5
            )
            assert pids(tmp_path) == []
            (tmp_path / "var/run" / file).write_text(f"{nginx.pid}\n")
            assert pids(tmp_path) == [nginx.pid]
            # The number may belong to something else by now.
            (tmp_path / "var/run" / file).write_text(f"{os.getpid()}\n")
            assert pids(tmp_path) == []
        finally:
            nginx.kill()


def test_a_process_that_does_not_listen_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "_TERM_SECONDS", 0.2)
    with process(tmp_path, PC_PROC_NAME="v1-1") as deaf:
        leftovers.end(leftovers.leftovers(tmp_path))
        assert not process_table.alive(deaf.pid)


def test_a_name_may_hold_parentheses(tmp_path: Path) -> None:
    program = tmp_path / "a) S (b"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "60"]) as odd:
        try:
            assert wait_until(
                lambda: getattr(process_table.entry(odd.pid), "name", "") == "a) S (b", 5
            )
            entry = process_table.entry(odd.pid)
            assert entry is not None
            assert (entry.parent, entry.zombie) == (os.getpid(), False)
        finally:
            odd.kill()


@pytest.mark.parametrize("proc", [True, False])
def test_alive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, proc: bool) -> None:
    if not proc:
        monkeypatch.setattr(process_table, "PROC", tmp_path / "none")
    assert process_table.alive(os.getpid())
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    assert not process_table.alive(ended.pid)
