"""What /proc says of a process, whatever it is called."""

import os
import signal
import subprocess

import pytest

from gateway import process_table
from scripts.stack import wait_until


def test_a_name_may_hold_anything() -> None:
    stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 100 0 0 0 250 31 0 0 20 0 1 0 5 1 1"
    found = process_table.parsed(42, stat)
    assert (found.parent, found.name, found.state, found.zombie) == (1, "a (b) c", "S", False)
    assert found.cpu_s == 281 / os.sysconf("SC_CLK_TCK")  # user and system


def test_a_process_is_seen_while_it_runs_and_is_no_longer_alive_as_a_zombie() -> None:
    child = subprocess.Popen(["sleep", "60"])
    try:
        assert process_table.alive(child.pid)
        assert process_table.entries()[child.pid].parent == os.getpid()
        child.send_signal(signal.SIGSTOP)
        assert wait_until(lambda: getattr(process_table.entry(child.pid), "state", "") == "T", 30)
        child.kill()
        assert wait_until(lambda: getattr(process_table.entry(child.pid), "zombie", False), 30)
        assert not process_table.alive(child.pid)
        assert child.pid not in process_table.entries()
    finally:
        child.kill()
        child.wait()
    assert process_table.entry(child.pid) is None
    assert not process_table.alive(child.pid)


@pytest.mark.parametrize("pid", [0, -1, 1 << 80])
def test_what_can_be_no_process_is_not_alive(pid: int) -> None:
    assert not process_table.alive(pid)
