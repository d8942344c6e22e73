"""The traffic process and its command, without a stack."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from gateway.errors import ConfigurationError
from gateway.exit_codes import ExitCode
from gateway.settings import load_settings
from gateway.supervisor import Process, ProcessHealth, ProcessStatus, Supervisor
from gateway.workload import Text, load_workload
from probes import sources, traffic, traffic_run
from probes.client import Client, NoAnswer, Reply
from probes.sources import NO_CHOICE, TRAFFIC_SOURCES, gateway_address, traffic_sources
from probes.traffic_again import send_again
from probes.traffic_plan import Demand, Request, from_json
from probes.traffic_run import IN_FLIGHT, LATE_S, Sender, StopSignals

ROOT = Path(__file__).parents[2]
SETTINGS = load_settings(ROOT, {})
TEXTS = (Text('He said "no"', "negative"), Text("ü", None))


class FakeClient:
    """Answers what the test says, and remembers the requests."""

    def __init__(self, *replies: Reply | NoAnswer) -> None:
        self.replies = itertools.cycle(replies)
        self.requests: list[tuple[str, Mapping[str, str], bytes]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.waiting = threading.Semaphore(0)

    def send(self, source: str, headers: Mapping[str, str], body: bytes) -> Reply:
        self.requests.append((source, headers, body))
        self.waiting.release()
        self.gate.wait(30)
        reply = next(self.replies)
        if isinstance(reply, NoAnswer):
            raise reply
        return reply


def sender(client: FakeClient, first: list[int] | None = None) -> Sender:
    told = first if first is not None else []
    return Sender(cast(Client, client), load_workload(ROOT), TEXTS, told.append)


def request(number: int) -> Request:
    return Request(number, 0.0, "u-0007", "127.0.1.7", number % 2)


def test_a_request_carries_user_id_and_a_text_of_the_corpus() -> None:
    client = FakeClient(Reply(200, retried=False))
    sending = sender(client)
    for number in range(2):
        sending.put(request(number), time.monotonic())
    sending.finish()
    assert {source for source, _, _ in client.requests} == {"127.0.1.7"}
    assert {headers["X-User-Id"] for _, headers, _ in client.requests} == {"u-0007"}
    assert len({headers["X-Request-ID"] for _, headers, _ in client.requests}) == 2
    workload = load_workload(ROOT)
    bodies = [json.loads(body) for _, _, body in client.requests]
    for text in TEXTS:
        assert workload.body(text.text) in bodies


def test_what_became_of_the_requests_is_counted() -> None:
    first: list[int] = []
    client = FakeClient(Reply(200, retried=True), Reply(429, retried=False), NoAnswer("gone"))
    sending = sender(client, first)
    for number in range(6):
        sending.put(request(number), time.monotonic())
    sending.put(request(6), time.monotonic() - 2 * LATE_S)
    tally = sending.finish()
    summary = tally.summary(1.5)
    assert summary.pop("cpu_seconds") is not None
    assert summary == {
        "sent": 6,
        "answered": {"200": 2, "429": 2},
        "errors": 2,
        "retries": 2,
        "missed": 1,
        "seconds": 1.5,
    }
    assert tally.last_error == "gone"
    assert len(client.requests) == 6
    assert len(first) == 1
    assert first[0] in (200, 429)


def test_requests_in_flight_are_bounded_and_not_awaited_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(traffic_run, "GRACE_S", 0.1)
    client = FakeClient(Reply(200, retried=False))
    client.gate.clear()
    sending = sender(client)
    for number in range(IN_FLIGHT + 5):
        sending.put(request(number), time.monotonic())
    for _ in range(IN_FLIGHT):
        assert client.waiting.acquire(timeout=5)
    begun = time.monotonic()
    tally = sending.finish()
    assert time.monotonic() - begun < 2
    assert len(client.requests) == IN_FLIGHT
    assert tally.summary(1)["errors"] == IN_FLIGHT
    client.gate.set()


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait(name: signal.Signals) -> None:
    before = signal.getsignal(name)
    with StopSignals() as stop:
        assert not stop.wait(0)
        os.kill(os.getpid(), name)
        begun = time.monotonic()
        assert stop.wait(20)
        assert stop.wait(-1)  # and stays
        assert time.monotonic() - begun < 5
    assert signal.getsignal(name) is before


def test_sources_are_what_the_machine_has(monkeypatch: pytest.MonkeyPatch) -> None:
    assert traffic_sources(dataclasses.replace(SETTINGS, listen_address="::1")) == NO_CHOICE
    monkeypatch.setattr(sources, "_exists", lambda address: False)
    assert traffic_sources(SETTINGS) == NO_CHOICE
    monkeypatch.setattr(sources, "_exists", lambda address: True)
    assert traffic_sources(SETTINGS) == TRAFFIC_SOURCES
    assert len(set(TRAFFIC_SOURCES)) == 127


@pytest.mark.parametrize(
    ("listen", "target"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("10.1.2.3", "10.1.2.3")],  # noqa: S104
)
def test_the_gateway_is_reached_where_it_listens(listen: str, target: str) -> None:
    settings = dataclasses.replace(SETTINGS, listen_address=listen)
    assert str(gateway_address(settings)) == target


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the command reads, as the working directory."""
    shutil.copy(ROOT / ".env", tmp_path)
    (tmp_path / "var/run").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_stack_it_says_how_to_start_one(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert traffic.main([]) == ExitCode.UNREACHABLE
    assert "make start-project" in capsys.readouterr().err
    assert traffic.main(["--stop"]) == ExitCode.UNREACHABLE


def test_a_bad_value_is_refused_before_anything_happens(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert traffic.main(["--rate=0"]) == ExitCode.USAGE
    assert "RATE=0: not above 0" in capsys.readouterr().err
    assert not (workspace / "var/traffic.json").exists()


class FakeSupervisor:
    """A process-compose whose process ends at once, begins, or says nothing."""

    def __init__(self, root: Path, said: str, status: ProcessStatus) -> None:
        self.root, self.said, self.after = root, said, status
        self.lines: list[str] = ["traffic: begun of another run; first answer 200"]
        self.calls: list[str] = []
        self.process = Process(
            name="traffic",
            namespace="probes",
            status=ProcessStatus.DISABLED,
            health=ProcessHealth.NO_PROBE,
            restarts=0,
            exit_code=0,
            pid=0,
            cpu=0.0,
            mem=0,
            age=0.0,
        )

        self.gateway = dataclasses.replace(
            self.process,
            name="nginx",
            status=ProcessStatus.RUNNING,
            health=ProcessHealth.READY,
        )

    def processes(self) -> tuple[Process, ...]:
        return (self.gateway, self.process)

    def logs(self, name: str, limit: int) -> list[str]:
        return self.lines

    def start(self, name: str) -> None:
        self.calls.append("start")
        written = from_json((self.root / "var/traffic.json").read_text(), 127)
        self.lines.append(self.said.replace("RUN", written.run))
        self.process = dataclasses.replace(
            self.process, status=self.after, pid=self.process.pid + 1, exit_code=3
        )

    def stop(self, name: str) -> None:
        self.calls.append("stop")
        self.process = dataclasses.replace(self.process, status=ProcessStatus.COMPLETED)


def run_command(
    monkeypatch: pytest.MonkeyPatch, fake: FakeSupervisor, arguments: list[str]
) -> ExitCode:
    monkeypatch.setattr(traffic, "Supervisor", lambda path: cast(Supervisor, fake))
    monkeypatch.setattr(traffic, "traffic_sources", lambda settings: TRAFFIC_SOURCES)
    return ExitCode(traffic.main(arguments))


def test_it_returns_when_its_own_run_has_begun(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakeSupervisor(
        workspace, "traffic: begun RUN: words; first answer 401", ProcessStatus.RUNNING
    )
    arguments = ["--rate=5", "--users=3", "--duration=9"]
    assert run_command(monkeypatch, fake, arguments) == ExitCode.PASS
    assert (
        "5 requests/s by 3 users from 127.0.1.1 to 3 for 9 s; first answer 401"
        in capsys.readouterr().err
    )
    written = from_json((workspace / "var/traffic.json").read_text(), 127)
    assert (written.rate, written.users, written.duration) == (5, 3, 9)
    assert run_command(monkeypatch, fake, arguments) == ExitCode.PASS
    assert fake.calls == ["start", "stop", "start"]
    assert "it runs already" in capsys.readouterr().err
    assert run_command(monkeypatch, fake, ["--stop"]) == ExitCode.PASS
    assert run_command(monkeypatch, fake, ["--stop"]) == ExitCode.PASS
    assert fake.calls == ["start", "stop", "start", "stop"]


def test_a_process_that_ends_at_once_says_why(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakeSupervisor(workspace, "traffic: no corpus", ProcessStatus.COMPLETED)
    assert run_command(monkeypatch, fake, []) == ExitCode.FAILED
    assert "ended with code 3: traffic: no corpus" in capsys.readouterr().err


def test_a_process_that_never_begins_is_given_up(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(traffic, "BEGIN_TIMEOUT_S", 0.1)
    fake = FakeSupervisor(workspace, "traffic: waiting", ProcessStatus.PENDING)
    assert run_command(monkeypatch, fake, []) == ExitCode.TIMEOUT
    said = capsys.readouterr().err
    assert "process pending" in said
    assert "traffic: waiting" in said


@pytest.mark.parametrize(
    ("status", "health"),
    [
        # Stopped by somebody: its code is 0, its probe said yes until the end.
        (ProcessStatus.COMPLETED, ProcessHealth.READY),
        (ProcessStatus.RUNNING, ProcessHealth.NOT_READY),
    ],
)
def test_without_a_gateway_nothing_is_started(
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    status: ProcessStatus,
    health: ProcessHealth,
) -> None:
    fake = FakeSupervisor(workspace, "", ProcessStatus.RUNNING)
    fake.gateway = dataclasses.replace(fake.gateway, status=status, health=health)
    assert run_command(monkeypatch, fake, []) == ExitCode.UNREACHABLE
    assert f"nginx is not ready ({status.value.lower()})" in capsys.readouterr().err
    assert fake.calls == []


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--from=a.jsonl", "--rate=5"], "RATE=5: the recording says that: leave it out"),
        (["--from=a.jsonl", "--users=5"], "USERS=5: the recording says that: leave it out"),
        (["--from=a.jsonl", "--duration=5"], "DURATION=5: the recording says that: leave it out"),
        (["--speed=5"], "SPEED=5: only with FROM: leave it out"),
        (["--from=a.jsonl", "--speed=0"], "SPEED=0: not a speed"),
    ],
)
def test_what_would_be_ignored_is_refused(
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    problem: str,
) -> None:
    fake = FakeSupervisor(workspace, "", ProcessStatus.COMPLETED)
    fake.process = dataclasses.replace(fake.process, status=ProcessStatus.COMPLETED)
    assert run_command(monkeypatch, fake, arguments) == ExitCode.USAGE
    assert problem in capsys.readouterr().err
    assert fake.calls == []


def test_a_recording_is_not_sent_beside_the_traffic(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakeSupervisor(workspace, "", ProcessStatus.RUNNING)
    fake.process = dataclasses.replace(fake.process, status=ProcessStatus.RUNNING)
    assert run_command(monkeypatch, fake, ["--from=a.jsonl"]) == ExitCode.FAILED
    assert "from the same addresses: `make traffic STOP=1`" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.1"])  # noqa: S104
def test_a_recording_is_sent_on_loopback_only(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("GATEWAY_LISTEN_ADDRESS", address)
    with pytest.raises(ConfigurationError, match="beyond loopback"):
        send_again(ROOT, "docs/demo.jsonl", "10")


def test_an_older_process_compose_is_told_apart(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakeSupervisor(workspace, "", ProcessStatus.RUNNING)
    fake.process = dataclasses.replace(fake.process, name="grafana")
    assert run_command(monkeypatch, fake, []) == ExitCode.FAILED
    assert "knows no process `traffic`" in capsys.readouterr().err


def process_run(root: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "probes.traffic_run"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_process_names_what_it_misses(workspace: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = str(taken.getsockname()[1])

    def says(code: ExitCode, *words: str) -> None:
        done = process_run(workspace, GATEWAY_HTTPS_PORT=free)
        assert done.returncode == code, done.stderr
        for word in words:
            assert word in done.stderr.splitlines()[-1]
        assert done.stdout == ""

    says(ExitCode.USAGE, "workload.yaml")
    shutil.copy(ROOT / "workload.yaml", workspace)
    says(ExitCode.USAGE, "held-out.csv", "make gen-model")
    (workspace / "var/data").mkdir()
    (workspace / "var/data/held-out.csv").write_text("sentence,label\nFine.,positive\n")
    says(ExitCode.USAGE, "nginx/certs/nginx.crt", "make start-project")
    (workspace / "nginx/certs").mkdir(parents=True)
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x"
    subprocess.run(
        [*command.split(), "-keyout", "/dev/null", "-out", "nginx/certs/nginx.crt"],
        cwd=workspace,
        capture_output=True,
        check=True,
    )
    says(ExitCode.UNREACHABLE, f"https://localhost:{free} cannot be reached", "start-project")
    (workspace / "var/traffic.json").write_text("{")
    says(ExitCode.USAGE, "var/traffic.json: not JSON")


def test_the_defaults_are_those_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    default = Demand()
    words = f"RATE={default.rate:g} USERS={default.users} DURATION={default.duration:g}"
    assert words in next(line for line in makefile.splitlines() if line.startswith("traffic:"))
