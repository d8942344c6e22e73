"""The password of a user stays in the gateway: no instance and no log ever has it."""

from __future__ import annotations

import base64
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dashboard.feed import LiveFeed, declared_workspace, live_sources
from dashboard.record import RecordingWriter
from gateway.htpasswd import FILE as HTPASSWD
from gateway.htpasswd import hash_ssha
from gateway.settings import load_settings
from gateway.supervisor import Supervisor
from gateway.topology import Topology
from scripts.stack import search_path, wait_until
from tests.nginx.standin import StandIn
from tests.stack.clients import Clients
from tests.stack.hurting import stopped
from tests.stack.load import SENTENCE

LISTENERS = ("v1-3", "v2-1")


@pytest.fixture
def login(root: Path) -> Iterator[tuple[str, str]]:
    """A user beside that of the demo."""
    user, password = "auditor", secrets.token_hex(16)
    path = root / HTPASSWD
    before = path.read_text()
    # In place, so that the workers may read it as before; nginx looks at each request.
    path.write_text(f"{before}{user}:{hash_ssha(password)}\n")
    yield user, password
    path.write_text(before)


@pytest.fixture
def listeners(supervisor: Supervisor, topology: Topology) -> Iterator[list[StandIn]]:
    """Instances that remember all that they are sent, in the place of real ones."""
    with ExitStack() as running:
        running.enter_context(stopped(supervisor, *LISTENERS))
        found = []
        for instance in topology.instances:
            if instance.name in LISTENERS:
                found.append(StandIn(instance.name, instance.version, instance.port))
                found[-1].start()
                running.callback(found[-1].stop)
        yield found


def sent(login: tuple[str, str]) -> str:
    """The part of the header that does not depend on what follows."""
    return base64.b64encode(":".join(login).encode()).decode().rstrip("=")[:-2]


def test_it_reaches_no_instance_and_no_log(
    connect: Clients,
    listeners: list[StandIn],
    login: tuple[str, str],
    root: Path,
    trying: Callable[..., None],
) -> None:
    what: dict[str, int]
    for number, what in enumerate(({}, {"weight": 100, "shadow": 100})):
        trying(**what)
        client = connect(f"127.0.1.{70 + number}", login=login)
        for group in ("", "debug", "control"):
            headers = {"X-Experiment-Group": group}
            for _ in range(9):  # the last ones meet the limit
                answer = client.post("/predict", json=SENTENCE, headers=headers)
                assert answer.status_code in (200, 429)
        assert client.get("/metrics").status_code == 404
        assert client.get("/predict").status_code == 405
    wrong = connect("127.0.1.72", login=(login[0], login[1] + "x"))
    assert wrong.post("/predict", json=SENTENCE).status_code == 401

    token = sent(login)
    for listener in listeners:
        assert listener.received, listener.name
        for request in listener.received:
            assert "authorization" not in request.headers
            text = repr(request)
            assert login[1] not in text
            assert token not in text
    logs = {path: path.read_bytes() for path in (root / "var/logs").iterdir() if path.is_file()}
    # The name is there, so this is the log of what was sent; the secret is not.
    assert b'"remote_user":"auditor"' in logs[root / "var/logs/access.jsonl"]
    for path, content in logs.items():
        assert login[1].encode() not in content, path
        assert token.encode() not in content, path


def test_it_stands_in_no_report_and_no_recording(
    supervisor: Supervisor, topology: Topology, login: tuple[str, str], root: Path, tmp_path: Path
) -> None:
    """Of the commands that log in with it, and of a dashboard that watches them."""
    written = tmp_path / "watched.jsonl"
    workspace = declared_workspace(topology, load_settings(root, {}), time.time())
    feed = LiveFeed(workspace, live_sources(root, topology, workspace), RecordingWriter(written))
    feed.start()
    try:
        environ = {
            **os.environ, "GATEWAY_USER": login[0], "GATEWAY_PASSWORD": login[1],
            "PATH": search_path(root),
        }  # fmt: skip
        said: dict[str, str] = {}
        for words in (
            ["ab", "--pairs", "20", "--json", "--report", str(tmp_path / "ab.md")],
            ["ab", "--pairs", "5", "--report", str(tmp_path / "ab.json")],
            ["check", "--json", "--junit", str(tmp_path / "junit.xml")],
            ["check"],
            ["drill", "--yes", "--json"],
            ["canary", "--json"],
        ):
            done = subprocess.run(
                [sys.executable, "-m", "dashboard", *words],
                cwd=root, env=environ, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
            said[" ".join(words)] = done.stdout + done.stderr
            assert done.returncode == 0, said
        assert wait_until(lambda: _seen(feed, "switchyard-drill"), 30)
    finally:
        feed.stop()
    # What has it is told apart from what has not: the name is in the recording.
    assert '"remote_user":"auditor"' in written.read_text()
    said |= {str(path): path.read_text() for path in tmp_path.iterdir() if path.is_file()}
    said |= {str(path): path.read_text() for path in (root / "var/reports").glob("*")}
    assert len(said) >= 10
    for name, text in said.items():
        assert login[1] not in text, name
        assert sent(login) not in text, name


def _seen(feed: LiveFeed, agent: str) -> bool:
    while feed.advance():
        pass
    return any(access.user_agent == agent for access in feed.model.recent)
