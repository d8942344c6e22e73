import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.declared import declared
from bench.errors import BenchError
from bench.instances import free_port
from bench.processes import Program, proportional_bytes, serving
from gateway.process_table import family
from scripts.stack import alive, listening, wait_until

ROOT = Path(__file__).parents[2]


def test_an_instance_is_the_one_of_process_compose() -> None:
    instance = declared(ROOT, "v2-1")
    assert instance.environ == {"INSTANCE": "v2-1", "MODEL_VERSION": "v2", "PORT": "8201"}
    assert "exec python -m uvicorn --factory services.app:create_app" in instance.shell
    assert "--port $PORT " in instance.shell


def test_a_process_that_is_not_declared_is_named() -> None:
    with pytest.raises(BenchError, match="no process v9-1"):
        declared(ROOT, "v9-1")


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Program]:
    def make(code: str) -> Program:
        port = free_port()
        command = [sys.executable, "-c", code, str(port)]
        return Program("stand-in", command, tmp_path, {}, port, tmp_path / "log")

    return make


LISTENS = """
import socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    listener.accept()
"""


def test_a_server_runs_inside_the_block_only(program: Callable[[str], Program]) -> None:
    started = program(LISTENS)
    with serving(started) as server:
        assert listening(started.port)
        assert server.resident_bytes() > 1024 * 1024
        assert server.cpu_s() >= server.start_cpu_s >= 0
    assert not alive(server.pid)
    assert not listening(started.port)


def test_it_ends_on_ctrl_c_too(program: Callable[[str], Program]) -> None:
    def interrupted() -> None:
        with serving(program(LISTENS)) as server:
            pids.append(server.pid)
            raise KeyboardInterrupt

    pids: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [alive(pid) for pid in pids] == [False]


def test_one_that_does_not_start_is_reported_with_its_last_words(
    program: Callable[[str], Program],
) -> None:
    with (
        pytest.raises(BenchError, match="stand-in did not start: no model here"),
        serving(program("raise SystemExit('no model here')")),
    ):
        pytest.fail("it did not start")


def test_a_port_in_use_is_named(program: Callable[[str], Program]) -> None:
    first = program(LISTENS)
    with (
        serving(first),
        pytest.raises(BenchError, match=f"port {first.port} is in use"),
        serving(first),
    ):
        pytest.fail("the port was taken")


SPAWNS = (
    """
import subprocess, sys
waits = "import sys; sys.stdin.read()"
spawns = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
# It ends with this process, whose end of the pipe it reads.
subprocess.Popen([sys.executable, "-c", spawns, waits], stdin=subprocess.PIPE)
"""
    + LISTENS
)


def test_a_tree_is_everything_that_was_started(program: Callable[[str], Program]) -> None:
    with serving(program(SPAWNS)) as server:
        assert wait_until(lambda: len(family(server.pid)) == 3, 30)
        pids = family(server.pid)
        assert server.pid in pids
        assert all(proportional_bytes(pid) > 0 for pid in pids)
        assert server.cpu_s() > 0
    assert wait_until(lambda: not any(map(alive, pids)), 30)
    assert proportional_bytes(server.pid) == 0
