"""Ways to hurt one supervised process, and to see what it is doing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.supervisor import Process, Supervisor
from scripts.stack import alive, last_words, wait_until

_ESTABLISHED = "01"  # linux/include/net/tcp_states.h


def process(supervisor: Supervisor, name: str) -> Process:
    """The process called `name`, as it is now."""
    return next(found for found in supervisor.processes() if found.name == name)


def ready_again(supervisor: Supervisor, name: str, pid: int) -> bool:
    """Whether another process than `pid` runs under that name, and is ready."""
    found = process(supervisor, name)
    return found.pid not in (0, pid) and found.is_ready


def wait_for_another(supervisor: Supervisor, name: str, pid: int) -> None:
    """Until another process than `pid` runs under that name, and is ready.

    One that hangs is ended after 30 failed probes (process-compose.yaml).
    """
    assert wait_until(lambda: ready_again(supervisor, name, pid), 120), (
        f"{process(supervisor, name)}, its last words: {last_words(name)}"
    )


def unread(port: int) -> int:
    """How many requests have arrived at that port that nobody has read (proc_net_tcp(5))."""
    found = 0
    for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, queues, *_ = line.split()
        mine = int(local.split(":")[1], 16) == port
        found += mine and state == _ESTABLISHED and int(queues.split(":")[1], 16) > 0
    return found


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """SIGSTOP, and SIGCONT at the end."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        # process-compose ends one that has not answered its probes for 30 s.
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@contextmanager
def stopped(supervisor: Supervisor, *names: str) -> Iterator[None]:
    """Stopped by the supervisor, which starts them again at the end and waits for them."""
    pids = {name: process(supervisor, name).pid for name in names}
    for name in names:
        supervisor.stop(name)
    try:
        assert wait_until(lambda: not any(map(alive, pids.values())), 30)
        yield
    finally:
        for name in names:
            supervisor.start(name)
    for name, pid in pids.items():
        wait_for_another(supervisor, name, pid)
