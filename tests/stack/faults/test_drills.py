"""`dashboard drill NAME` on the real stack: what each fault costs, and who brings it back."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gateway.supervisor import Supervisor
from gateway.topology import Topology
from scripts.stack import search_path
from tests.stack.books import Books
from tests.stack.clients import Clients
from tests.stack.faults.seen import looking
from tests.stack.hurting import process, ready_again, wait_for_another
from tests.stack.load import Load

CLIENTS = 8


def drill(root: Path, *words: str) -> subprocess.Popen[str]:
    """`python -m dashboard drill WORDS`."""
    return subprocess.Popen(
        [sys.executable, "-m", "dashboard", "drill", *words, "--yes", "--json"],
        cwd=root,
        env={**os.environ, "PATH": search_path(root)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def reported(root: Path, running: subprocess.Popen[str]) -> dict[str, Any]:
    """What it comes to; it has to have passed."""
    out, err = running.communicate(timeout=180)
    assert running.returncode == 0, out + err
    report: dict[str, Any] = json.loads(out)
    jsonschema.validate(report, json.loads((root / "probes/drill.schema.json").read_text()))
    sys.stderr.write(json.dumps(report) + "\n")  # the figures of docs/faults.md
    return report


def test_a_killed_v2_costs_the_canary_nothing(
    supervisor: Supervisor, root: Path, trying: Callable[..., None], books: Books
) -> None:
    trying(weight=50)
    report = reported(root, drill(root, "v2-1"))
    assert (report["victim"], report["lost"]) == ("v2-1", 0)
    assert report["detected_s"] <= report["ready_again_s"]
    books.balance()


def test_a_killed_worker_of_nginx_is_replaced(supervisor: Supervisor, root: Path) -> None:
    report = reported(root, drill(root, "nginx-worker"))
    # What it held, and no more: the other one takes what comes.
    assert report["lost"] <= report["sources"]
    assert report["detected_s"] is None


def test_a_killed_nginx_needs_a_restart_and_says_which(
    supervisor: Supervisor, topology: Topology, root: Path
) -> None:
    report = reported(root, drill(root, "nginx"))
    assert "back by `process-compose process restart nginx`" in report["reason"]
    assert report["detected_s"] < report["ready_again_s"]


@pytest.mark.parametrize("name", ["exporter", "prometheus"])
def test_what_watches_costs_nobody_anything(
    supervisor: Supervisor, root: Path, books: Books, name: str
) -> None:
    before = process(supervisor, name).pid
    report = reported(root, drill(root, name))
    assert (report["victim"], report["pid"], report["lost"]) == (name, before, 0)
    assert report["statuses"] == {"200": report["sent"]}
    assert 0 <= report["detected_s"] <= report["ready_again_s"]
    assert ready_again(supervisor, name, before)
    # What was asked meanwhile is counted all the same.
    books.balance()


def test_what_hangs_is_replaced_and_costs_nothing(
    supervisor: Supervisor,
    topology: Topology,
    root: Path,
    books: Books,
    connect: Clients,
    trying: Callable[..., None],
) -> None:
    """An instance of v1 under the drill, and beside it what does not disturb it: exporter and
    Prometheus, which serve nobody, and v2, which may open no file more."""
    trying(weight=50)
    pids = {name: process(supervisor, name).pid for name in ("exporter", "prometheus", "v2-1")}
    begun = time.monotonic()
    with looking(root, topology) as seen, Load(connect, CLIENTS) as load:
        running = drill(root, "v1-2", "--freeze")
        for name in ("exporter", "prometheus"):
            os.kill(pids[name], signal.SIGSTOP)
        # Of the files that it has nothing is taken: nginx keeps its connections.
        _, hard = resource.prlimit(pids["v2-1"], resource.RLIMIT_NOFILE)
        resource.prlimit(pids["v2-1"], resource.RLIMIT_NOFILE, (1, hard))
        noticed = {name: seen.wait_for(f"{name} (failed|not ready)") for name in ("v2-1", "v1-2")}
        report = reported(root, running)
        for name, pid in pids.items():
            wait_for_another(supervisor, name, pid)
        back = time.monotonic() - begun
        load.wait_for_everybody()
    sys.stderr.write(f"said after {noticed}, all back {back:.1f} s\n")
    assert (report["fault"], report["lost"]) == ("freeze", 0)
    assert report["detected_s"] < report["ready_again_s"]
    assert set(load.outcomes) == {"200"}
    books.balance()
