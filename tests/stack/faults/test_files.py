"""Files that go bad while the workspace runs: who is running goes on, and the file is named."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.supervisor import Supervisor
from scripts.stack import last_words, wait_until
from tests.modules import run_module
from tests.stack.books import Books
from tests.stack.clients import Clients
from tests.stack.faults.apart import Apart
from tests.stack.faults.seen import looking
from tests.stack.hurting import process, wait_for_another
from tests.stack.load import SENTENCE, Load

CLIENTS = 8


@contextmanager
def damaged(path: Path, content: bytes | None) -> Iterator[None]:
    """Another content in the same file, or no file."""
    intact, mode = path.read_bytes(), path.stat().st_mode & 0o777
    kept = path.with_name(f"{path.name}.kept")
    if content is None:
        path.rename(kept)
    else:
        path.write_bytes(content)
    try:
        yield
    finally:
        if content is None:
            kept.rename(path)
        else:
            path.write_bytes(intact)
        assert path.stat().st_mode & 0o777 == mode


def test_what_runs_goes_on_and_what_dies_names_the_file_and_comes_back(
    connect: Clients, supervisor: Supervisor, root: Path, books: Books
) -> None:
    pids = {name: process(supervisor, name).pid for name in ("v1-3", "exporter")}
    with Load(connect, CLIENTS) as load:
        load.wait_for_everybody()
        with (
            damaged(root / "var/models/v1/manifest.json", b"{"),
            damaged(root / ".env", b"GATEWAY USER=x\n"),
            damaged(root / "workload.yaml", b"a: ["),
            damaged(root / "nginx/certs/nginx.crt", b"x"),
        ):
            for pid in pids.values():
                os.kill(pid, signal.SIGKILL)
            assert wait_until(lambda: "manifest.json" in last_words("v1-3"), 30), last_words("v1-3")
            assert wait_until(lambda: ".env:1" in last_words("exporter"), 30)
            load.wait_for_everybody()
            refused = run_module(root, "gateway.reload")
        assert refused.returncode == 2, refused.stderr
        assert ".env:1" in refused.stderr or "nginx.crt" in refused.stderr
        for name, pid in pids.items():
            wait_for_another(supervisor, name, pid)
        load.wait_for_everybody()
    assert set(load.outcomes) == {"200"}
    assert run_module(root, "gateway.reload").returncode == 0
    books.balance()


def test_a_damaged_canary_state_is_v1_for_everybody_and_said(
    connect: Clients, supervisor: Supervisor, root: Path
) -> None:
    active = root / "var/canary/active"
    assert not active.is_symlink()
    with Load(connect, CLIENTS) as load:
        active.symlink_to("nowhere")
        try:
            load.wait_for_everybody()
            told = run_module(root, "dashboard", "canary")
        finally:
            active.unlink()
        load.wait_for_everybody()
    assert set(load.outcomes) == {"200"}
    assert all(answer.instance.startswith("v1-") for answer in load.answers)
    assert told.returncode == 2, told.stdout
    assert "canary off" in told.stderr


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [(None, 403, " 403 .*var/htpasswd.*gateway.prepare"), (b"garbage\n", 401, "")],
)
def test_without_the_password_file_nobody_gets_in_and_the_dashboard_knows(
    clone: Apart, reach: Clients, content: bytes | None, status: int, said: str
) -> None:
    client = reach("127.0.1.42")
    with (
        looking(clone.seen_root, clone.topology) as seen,
        damaged(clone.seen_root / "var/htpasswd", content),
    ):
        assert client.post("/predict", json=SENTENCE).status_code == status
        if said:
            sys.stderr.write(f"no htpasswd: said after {seen.wait_for(said):.1f} s\n")
    assert client.post("/predict", json=SENTENCE).status_code == 200
