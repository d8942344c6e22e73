"""Kills, interruptions and damaged files: the next start carries on, or says what to do."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import process_table
from gateway.agreement import agreement
from gateway.supervisor import SOCKET, Supervisor
from scripts import leftovers
from scripts.stack import alive, wait_until
from tests.stack.clone import Clone, cloned


@pytest.fixture(scope="module")
def clone(root: Path) -> Iterator[Clone]:
    """A copy on ports of its own; each test leaves it stopped."""
    with cloned(root) as copied:
        copied.move_declared_ports(4000)
        copied.follow(agreement(copied.root))
        yield copied


def start(clone: Clone) -> None:
    started = clone.start()
    assert started.returncode == 0, started.stderr
    assert clone.predict().status_code == 200


def kill_supervisor(clone: Clone) -> set[int]:
    """kill -9 process-compose; the pids of what it ran, which go on."""
    (supervisor,) = leftovers.supervisors(clone.root)
    os.kill(supervisor.pid, signal.SIGKILL)
    assert wait_until(lambda: not alive(supervisor.pid), 30)
    return {entry.pid for entry in leftovers.leftovers(clone.root)}


def in_folder(clone: Clone) -> list[str]:
    return [
        entry.name
        for entry in process_table.entries().values()
        if process_table.folder(entry.pid) == clone.root
    ]


def test_a_start_after_the_supervisor_was_killed(clone: Clone) -> None:
    start(clone)
    orphans = kill_supervisor(clone)
    assert len(orphans) >= len(clone.topology.instances) + 1
    again = clone.start()
    assert again.returncode == 0, again.stderr
    assert "ending what a killed process-compose left behind" in again.stderr
    assert not any(alive(pid) for pid in orphans)
    assert clone.predict().status_code == 200
    assert clone.stop().returncode == 0


def test_a_stop_after_the_supervisor_was_killed(clone: Clone) -> None:
    start(clone)
    orphans = kill_supervisor(clone)
    stopped = clone.stop()
    assert stopped.returncode == 0, stopped.stderr
    assert "ended what did not answer any more" in stopped.stderr
    assert not any(alive(pid) for pid in orphans)
    assert in_folder(clone) == []


def test_files_of_dead_processes_are_no_hindrance(clone: Clone) -> None:
    path = clone.root / SOCKET
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    (clone.root / "var/run/nginx.pid").write_text("999999\n")
    start(clone)
    assert clone.stop().returncode == 0


@pytest.mark.parametrize(
    ("said", "number"),
    # after that line: while the files are made, at the launch, while all wait to be ready
    [("models ", signal.SIGINT), ("files ", signal.SIGTERM), ("prepare ", signal.SIGINT)],
)
def test_an_interrupted_start_is_completed_by_the_next(
    clone: Clone, said: str, number: signal.Signals
) -> None:
    process = clone.spawn("scripts.start_project")
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(f"start: {said}"):
            break
    if number is signal.SIGINT:
        os.killpg(process.pid, number)  # a terminal tells everything that runs in it
    else:
        process.send_signal(number)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130, rest
    assert rest.splitlines()[-1].startswith("start: interrupted; run it again")
    start(clone)
    assert len(leftovers.supervisors(clone.root)) == 1
    assert clone.stop().returncode == 0
    assert in_folder(clone) == []


def test_two_starts_at_once_are_one_workspace(clone: Clone) -> None:
    both = [clone.spawn("scripts.start_project") for _ in range(2)]
    said = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("waiting for another start" in text for text in said) == 1
    assert len(leftovers.supervisors(clone.root)) == 1
    assert clone.stop().returncode == 0


DAMAGES = (
    # file, text to replace (None: the whole file), replacement, expected in the last line
    (".env", "GATEWAY_USER=", "GATEWAY USER=", r"\.env:\d+: not a line KEY=value"),
    ("workload.yaml", None, "a: [", r"workload\.yaml:\d+: not valid YAML"),
    ("workload.yaml", "answer: /", "answer: ", r"workload\.yaml:\d+: .*not a JSON pointer"),
    ("process-compose.yaml", None, "", r"process-compose\.yaml: is empty"),
    ("process-compose.yaml", "log_location:", "log_place:", r"process-compose\.yaml: unknown key"),
    ("nginx/conf.d/limits.conf", "limit_req_zone", "limit_zone", r"nginx/conf\.d/limits\.conf:\d+"),
    ("nginx/upstreams.conf", "}", "", r"nginx/upstreams\.conf:\d+: \{ is never closed"),
    ("monitoring/prometheus.yml", "global:", "globe:", r"monitoring/prometheus\.yml"),
    ("nginx/certs/nginx.crt", None, "x", r"nginx/certs/nginx\.crt: is not a certificate"),
    ("var/htpasswd", None, "", r"var/htpasswd: it has no user"),
)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"), DAMAGES, ids=[f"{file}-{new}" for file, _, new, _ in DAMAGES]
)
def test_a_damaged_file_is_named_in_the_last_line(
    clone: Clone, file: str, old: str | None, new: str, said: str
) -> None:
    path = clone.root / file
    intact = path.read_text()
    path.write_text(new if old is None else intact.replace(old, new, 1))
    try:
        refused = clone.start()
    finally:
        path.write_text(intact)
    assert refused.returncode == 2, refused.stderr
    assert re.search(said, refused.stderr.splitlines()[-1]), refused.stderr
    assert not Supervisor(clone.root / SOCKET).alive()
    assert in_folder(clone) == []
