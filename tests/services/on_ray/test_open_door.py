"""A door that is open: a real nginx between stand-ins."""

from __future__ import annotations

import http.client
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from scripts import leftovers
from services.on_ray import door, loopback
from services.settings import load_settings
from tests.nginx.gateway_copy import REPOSITORY, free_ports
from tests.nginx.wire import wait_until
from tests.services.on_ray.conftest import Workspace
from tests.services.on_ray.nodes import Asked

BODY = b'{"sentence": "good"}'
_LOCKS = Path("/proc/locks")


def ask(
    port: int, method: str = "POST", path: str = "/predict", body: bytes = BODY
) -> tuple[int, bytes]:
    """Status and body. Raises http.client.RemoteDisconnected where there is no answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=15)) as connection:
        connection.request(method, path, body if method == "POST" else None)
        response = connection.getresponse()
        return response.status, response.read()


def is_open(port: int) -> bool:
    try:
        return ask(port, "GET", "/metrics")[0] == 200
    except OSError:
        return False


@pytest.fixture
def opened(workspace: Workspace, port: int) -> Iterator[subprocess.Popen[str]]:
    """A door at `port` to nodes that serve the model."""
    workspace.serve(workspace.digest)
    process = workspace.open(port)
    wait_until(lambda: process.poll() is not None or is_open(port), "the door to open")
    assert process.poll() is None, process.communicate()[1]
    for node in workspace.nodes:
        node.asked.clear()
    yield process
    process.terminate()
    _, said = process.communicate(timeout=10)
    assert "[emerg]" not in said


def test_nginx_accepts_what_is_written(
    workspace: Workspace, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loopback, "ROOT", workspace.root)
    settings = load_settings(workspace.environ(port, "v1-2"))
    conf = door._write(settings, port)
    assert conf == workspace.root / "var/ray/v1-2/door.conf"
    assert f"listen 127.0.0.1:{port};\n" in (conf.parent / "listen.conf").read_text()
    command = ["nginx", "-t", "-e", "stderr", "-p", "var", "-c", str(conf)]
    command += ["-g", "pid run/v1-2.pid;"]
    done = subprocess.run(command, cwd=workspace.root, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    # No warning either.
    assert [line.partition(" ")[0] for line in done.stderr.splitlines()] == ["nginx:", "nginx:"]


@pytest.mark.usefixtures("opened")
def test_method_path_query_and_body_arrive(workspace: Workspace, port: int) -> None:
    for node in workspace.nodes:
        node.answer = lambda _: (201, b"said")
    assert ask(port, path="/predict?a=1&b=%20") == (201, b"said")
    assert ask(port, "PUT") == (201, b"said")
    assert ask(port, "GET", "/healthz") == (201, b"said")
    asked = sorted(
        (each for node in workspace.nodes for each in node.asked), key=lambda each: each.method
    )
    assert asked == [
        Asked("GET", "/v1/healthz", "127.0.0.1", b""),
        Asked("POST", "/v1/predict?a=1&b=%20", "127.0.0.1", BODY),
        Asked("PUT", "/v1/predict", "127.0.0.1", b""),
    ]


@pytest.mark.usefixtures("opened")
def test_both_nodes_are_asked(workspace: Workspace, port: int) -> None:
    for _ in range(10):
        ask(port)
    assert [len(node.asked) for node in workspace.nodes] == [5, 5]


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("dead", [True, False])
def test_where_one_node_is_lost_the_other_one_answers(
    workspace: Workspace, port: int, place: int, dead: bool
) -> None:
    lost, other = workspace.nodes[place], workspace.nodes[1 - place]
    lost.answer = lambda _: None
    other.answer = lambda asked: (200, asked.body)
    if dead:
        lost.stop()
    assert [ask(port) for _ in range(6)] == [(200, BODY)] * 6
    assert other.asked == [Asked("POST", "/v1/predict", "127.0.0.1", BODY)] * 6


@pytest.mark.usefixtures("opened")
def test_where_no_replica_answers_every_node_is_asked_and_what_it_says_passes(
    workspace: Workspace, port: int
) -> None:
    for node in workspace.nodes:
        node.answer = lambda _: (503, b'{"detail": "No replica answered"}')
    assert ask(port) == (503, b'{"detail": "No replica answered"}')
    assert all(node.asked for node in workspace.nodes)


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("status", [400, 404, 422, 500])
def test_what_a_replica_says_is_not_asked_again(
    workspace: Workspace, port: int, status: int
) -> None:
    for node in workspace.nodes:
        node.answer = lambda _: (status, b"{}")
    assert ask(port) == (status, b"{}")
    assert sum(len(node.asked) for node in workspace.nodes) == 1


@pytest.mark.usefixtures("opened")
def test_nodes_that_have_failed_are_asked_all_the_same(workspace: Workspace, port: int) -> None:
    for node in workspace.nodes:
        node.answer = lambda _: None
    with pytest.raises(http.client.RemoteDisconnected):
        ask(port)
    # Both are marked now, for longer than this takes.
    for node in workspace.nodes:
        assert len(node.asked) == 2
        node.asked.clear()
        node.answer = lambda asked: (200, asked.body)
    assert [ask(port) for _ in range(4)] == [(200, BODY)] * 4


@pytest.mark.usefixtures("opened")
def test_without_a_node_the_gateway_has_the_word(workspace: Workspace, port: int) -> None:
    for node in workspace.nodes:
        node.stop()
    for _ in range(3):
        with pytest.raises(http.client.RemoteDisconnected):
            ask(port)


@pytest.mark.usefixtures("opened")
def test_nothing_else_is_behind_it(workspace: Workspace, port: int) -> None:
    assert ask(port, "GET", "/metrics") == (200, b"")
    for path in ("/", "/docs", "/predict/", "/v1/predict", "/-/routes", "/listen.conf", "/gone"):
        assert ask(port, "GET", path)[0] == 404
    assert [node.asked for node in workspace.nodes] == [[], []]


def test_it_is_one_process_that_ends_when_told(
    workspace: Workspace, opened: subprocess.Popen[str], port: int
) -> None:
    pid_file = workspace.root / "var/run/v1-1.pid"
    assert pid_file.read_text().strip() == str(opened.pid)
    # Where nobody supervises it any more, `make stop-project` finds it.
    assert [each.pid for each in leftovers.leftovers(workspace.root)] == [opened.pid]
    opened.send_signal(signal.SIGTERM)
    assert opened.wait(10) == 0
    assert not pid_file.exists()
    assert not is_open(port)


def test_two_doors_of_one_version_deploy_once(workspace: Workspace) -> None:
    workspace.serve_once_deployed()
    held = workspace.root / "held"
    held.touch()
    ports = free_ports(2)
    doors = [workspace.open(port, f"v1-{n}") for n, port in enumerate(ports, start=1)]
    try:
        wait_until(lambda: workspace.deployments, "a deployment")
        # Or, which is a failure, to deploy as well.
        wait_until(
            lambda: any(map(_waits_for_a_lock, doors)) or len(workspace.deployments) > 1,
            "the other door to wait",
        )
    finally:
        held.unlink()
    wait_until(lambda: all(map(is_open, ports)), "both doors to open")
    assert workspace.deployments == [f"-m services.on_ray.deploy {workspace.digest}"]
    for process in doors:
        process.terminate()
        assert process.wait(10) == 0


def _waits_for_a_lock(process: subprocess.Popen[str]) -> bool:
    """`1: -> FLOCK  ADVISORY  WRITE 4711 ...` is somebody who waits (proc_locks(5))."""
    waiting = [line.split()[5] for line in _LOCKS.read_text().splitlines() if "-> FLOCK" in line]
    return str(process.pid) in waiting


def test_a_door_waits_half_as_long_as_the_gateway() -> None:
    """Then there is time for the other node, as door.conf says."""
    assert 2 * _seconds("services/on_ray/door.conf") <= _seconds("nginx/conf.d/runtime.conf")


def _seconds(file: str) -> int:
    lines = (REPOSITORY / file).read_text().splitlines()
    (value,) = (line.split()[1] for line in lines if line.strip().startswith("proxy_read_timeout "))
    assert value.endswith("s;")
    return int(value[:-2])
