"""Which files a process has open, seen from outside."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from gateway.nginx_master import stopped, writes_to
from scripts.stack import wait_until


def test_a_file_that_was_replaced_is_another(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("ab"):
        assert writes_to(os.getpid(), path) is True
        path.rename(tmp_path / "old")
        path.touch()
        assert writes_to(os.getpid(), path) is False
    assert writes_to(os.getpid(), path) is False


def test_where_nothing_can_be_seen_nothing_is_said(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.touch()
    assert writes_to(1 << 30, path) is None
    with pytest.raises(FileNotFoundError):
        writes_to(os.getpid(), tmp_path / "none")


def test_who_is_stopped_and_who_goes_on() -> None:
    command = ["sh", "-c", "sleep 60 & echo $!; wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            assert stopped(parent.pid) == ()
            os.kill(child, signal.SIGSTOP)
            assert wait_until(lambda: stopped(parent.pid) == (child,), 30)
            os.kill(parent.pid, signal.SIGSTOP)
            assert wait_until(lambda: stopped(parent.pid) == (parent.pid, child), 30)
            for pid in (parent.pid, child):
                os.kill(pid, signal.SIGCONT)
            assert wait_until(lambda: stopped(parent.pid) == (), 30)
        finally:
            os.kill(child, signal.SIGKILL)
    assert stopped(parent.pid) == ()
