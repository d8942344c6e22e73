"""Logs that are rotated while traffic runs: no line is lost, none is there twice."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from gateway import rotation
from scripts.stack import search_path, wait_until
from tests.gateway.access_lines import rotate
from tests.stack.books import Books
from tests.stack.clients import Clients
from tests.stack.load import Load

CLIENTS = 16
ROTATIONS = 3
LOGS = ("access.jsonl", "shadow.jsonl")
REOPEN = ("nginx", "-p", "var", "-c", "../nginx/nginx.conf", "-e", "stderr", "-s", "reopen")


def test_rotation_under_load_loses_and_doubles_no_line(
    connect: Clients, books: Books, root: Path, trying: Callable[..., None]
) -> None:
    trying(shadow=100)
    with Load(connect, CLIENTS) as load:
        for _ in range(ROTATIONS):
            load.wait_for_everybody()
            for name in LOGS:
                rotate(root / "var/logs" / name)
            environ = {**os.environ, "PATH": search_path(root)}
            subprocess.run(REOPEN, cwd=root, env=environ, check=True, capture_output=True)
            load.wait_for_everybody()
            # As the exporter does it with a long one.
            for name in LOGS:
                assert rotation.rotate(root, root / "var/logs" / name, max_bytes=0, kept=99)
        load.wait_for_everybody()
    assert set(load.outcomes) == {"200"}
    sent = len(load.answers)
    assert wait_until(lambda: len(books.shadows(load.mark)) >= sent, 30)
    books.balance()
    for ids in (
        [access.request_id for access in books.accesses(load.mark)],
        [shadow.request_id for shadow in books.shadows(load.mark)],
    ):
        assert len(ids) == sent
        assert len(set(ids)) == sent
    for name in LOGS:
        for suffix in ("", *(f".{number}" for number in range(1, ROTATIONS + 1))):
            piece = (root / "var/logs" / f"{name}{suffix}").read_text().splitlines()
            ids = [json.loads(line)["request_id"] for line in piece]
            assert any(each.startswith(load.mark) for each in ids), (name, suffix)
