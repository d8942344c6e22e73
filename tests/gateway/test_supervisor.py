"""The supervisor client against the real process-compose, on a socket of its own."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.supervisor import (
    Process,
    ProcessHealth,
    ProcessStatus,
    Supervisor,
    SupervisorError,
    SupervisorTimeout,
    SupervisorUnreachable,
    ready,
)
from scripts.stack import search_path
from tests.gateway.waiting import WAIT_SECONDS, wait_until

ROOT = Path(__file__).parents[2]

# Ends with 0 on SIGTERM, as nginx does on SIGQUIT; ready when the signal kills it no more.
ENDS_WELL = "import signal; signal.pthread_sigmask(0, [15]); open('up', 'w'); signal.sigwait([15])"
# `other`, because process-compose ends when nothing runs any more.
WORKSPACE = f"""\
version: "0.5"
is_strict: true
ordered_shutdown: true
processes:
  server:
    namespace: services
    command: exec {sys.executable} -u -c "import signal; print('one'); print('two'); signal.pause()"
    availability: {{ restart: always, backoff_seconds: 1 }}
    readiness_probe: {{ exec: {{ command: "true" }}, period_seconds: 1 }}
  other:
    command: exec {sys.executable} -c "import signal; signal.pause()"
  one-shot:
    namespace: setup
    command: "true"
  ends-well:
    command: exec {sys.executable} -c "{ENDS_WELL}"
    readiness_probe: {{ exec: {{ command: "test -e up" }}, period_seconds: 1 }}
  failing:
    command: "exit 3"
    availability: {{ restart: "no" }}
  skipped:
    command: "true"
    depends_on: {{ failing: {{ condition: process_completed_successfully }} }}
  off:
    command: "true"
    disabled: true
"""

Until = Callable[[Callable[[Process], bool], str], Process]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short, because the path of a unix socket may have at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="pc", dir="/tmp") as name:
        yield Path(name)


@pytest.fixture
def process_compose(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    (folder / "pc.yaml").write_text(WORKSPACE, encoding="utf-8")
    program = shutil.which("process-compose", path=search_path(ROOT))
    assert program is not None, "process-compose is missing: run `make setup`"
    running = subprocess.Popen(
        [program, "up", "--tui=false", "-f", "pc.yaml", "-u", "pc.sock", "-L", "pc.log"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "PC_DISABLE_DOTENV": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield running
    finally:
        running.terminate()
        running.wait(WAIT_SECONDS)


@pytest.fixture
def supervisor(folder: Path, process_compose: subprocess.Popen[bytes]) -> Supervisor:
    client = Supervisor(folder / "pc.sock")
    wait_until(client.alive)
    return client


@pytest.fixture
def server(supervisor: Supervisor) -> Until:
    """Waits until the process `server` is as wanted."""

    def until(wanted: Callable[[Process], bool], name: str = "server") -> Process:
        found: list[Process] = []

        def as_wanted() -> bool:
            found[:] = [process for process in supervisor.processes() if process.name == name]
            return wanted(found[0])

        wait_until(as_wanted, lambda: str(found))
        return found[0]

    return until


def is_ready(process: Process) -> bool:
    return process.is_ready


def test_every_process_and_its_state(supervisor: Supervisor, server: Until) -> None:
    # Right after the start the memory is that of an interpreter that is still loading.
    running = server(lambda process: process.is_ready and process.mem > 1_000_000, "server")
    assert running.namespace == "services"
    assert running.status is ProcessStatus.RUNNING
    assert running.health is ProcessHealth.READY
    assert running.restarts == 0
    assert 0 < running.age < WAIT_SECONDS
    os.kill(running.pid, 0)

    one_shot = server(is_ready, "one-shot")
    assert one_shot.status is ProcessStatus.COMPLETED
    assert one_shot.health is ProcessHealth.NO_PROBE

    failing = server(lambda process: process.has_failed, "failing")
    assert failing.status is ProcessStatus.COMPLETED
    assert failing.exit_code == 3
    server(lambda process: process.status is ProcessStatus.SKIPPED, "skipped")

    readiness = ready(supervisor.processes())
    assert not readiness.complete
    assert {process.name for process in readiness.ready} - {"ends-well"} == {"one-shot", "server"}
    assert [process.name for process in readiness.failed] == ["failing", "skipped"]
    waiting = {process.name for process in readiness.waiting} - {"ends-well"}
    assert waiting == {"other"}, "it has no probe"
    assert "off" in {process.name for process in supervisor.processes()}


def test_stop_and_start(supervisor: Supervisor, server: Until) -> None:
    first = server(is_ready, "server")
    supervisor.stop("server")
    stopped = server(lambda process: process.status is ProcessStatus.COMPLETED, "server")
    assert stopped.has_failed, "it will not come back by itself"
    with pytest.raises(ProcessLookupError):
        os.kill(first.pid, 0)
    supervisor.start("server")
    again = server(is_ready, "server")
    assert again.pid != first.pid
    assert not again.has_failed, "whatever exit code the run before had"


def test_a_server_that_ended_well_is_not_ready(supervisor: Supervisor, server: Until) -> None:
    first = server(is_ready, "ends-well")
    supervisor.stop("ends-well")
    stopped = server(lambda process: process.status is ProcessStatus.COMPLETED, "ends-well")
    assert stopped.exit_code == 0
    assert stopped.has_failed
    assert not stopped.is_ready
    assert stopped in ready(supervisor.processes()).failed, "a start brings it back"
    supervisor.start("ends-well")
    assert server(is_ready, "ends-well").pid != first.pid


def test_restart(supervisor: Supervisor, server: Until) -> None:
    first = server(is_ready, "server")
    supervisor.restart("server")
    again = server(lambda process: process.is_ready and process.pid != first.pid, "server")
    assert again.status is ProcessStatus.RUNNING


def test_a_killed_process_comes_back_and_is_counted(server: Until) -> None:
    first = server(is_ready, "server")
    os.kill(first.pid, signal.SIGKILL)
    again = server(lambda process: process.restarts == 1 and process.is_ready, "server")
    assert again.pid != first.pid


def test_the_last_lines_of_a_log(supervisor: Supervisor, server: Until) -> None:
    server(is_ready, "server")
    wait_until(lambda: len(supervisor.logs("server", 10)) == 2)
    assert supervisor.logs("server", 10) == ["one", "two"]
    assert supervisor.logs("server", 1) == ["two"]
    with pytest.raises(ValueError, match="at least one"):
        supervisor.logs("server", 0)


def test_what_process_compose_refuses(supervisor: Supervisor, server: Until) -> None:
    server(is_ready, "server")
    with pytest.raises(SupervisorError, match="already running"):
        supervisor.start("server")
    for call in (supervisor.stop, supervisor.start, supervisor.restart):
        with pytest.raises(SupervisorError, match="no-such"):
            call("no-such")
    with pytest.raises(SupervisorError, match="no-such"):
        supervisor.logs("no-such", 1)
    with pytest.raises(SupervisorError, match="refused"):
        supervisor.stop("../processes")


def test_shutdown_ends_everything(
    supervisor: Supervisor, server: Until, process_compose: subprocess.Popen[bytes], folder: Path
) -> None:
    running = server(is_ready, "server")
    supervisor.shutdown()
    assert process_compose.wait(WAIT_SECONDS) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(running.pid, 0)
    assert not (folder / "pc.sock").exists()
    assert not supervisor.alive()
    with pytest.raises(SupervisorUnreachable):
        supervisor.shutdown()


def test_nobody_there(folder: Path) -> None:
    client = Supervisor(folder / "pc.sock")
    assert not client.alive()
    with pytest.raises(SupervisorUnreachable, match=r"pc\.sock.*make start-project"):
        client.processes()


def test_a_socket_that_was_left_behind(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(folder / "pc.sock"))
    with pytest.raises(SupervisorUnreachable, match="make start-project"):
        Supervisor(folder / "pc.sock").processes()


def test_one_that_hangs(supervisor: Supervisor, process_compose: subprocess.Popen[bytes]) -> None:
    process_compose.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process_compose.pid, os.WSTOPPED)
    try:
        with pytest.raises(SupervisorTimeout, match="did not answer"):
            supervisor._send("GET", "/processes", 0.2)
    finally:
        process_compose.send_signal(signal.SIGCONT)
