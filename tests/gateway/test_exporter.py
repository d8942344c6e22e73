"""The exporter as a process: its counts equal the log, through restarts, kills and rotations."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.nginx_probe import CertificateExpiry, read_connections
from gateway.tally import StateError, Tally
from tests.gateway.access_lines import NOT_PROXIED, line, rotate

ROOT = Path(__file__).parents[2]
EXPORTER = (sys.executable, "-m", "gateway.exporter")
WAIT_SECONDS = 20.0
INSTANCES = {"127.0.0.1:8101": "v1-1"}


def wait_until(condition: Callable[[], object], state: Callable[[], object] = str) -> None:
    deadline = monotonic() + WAIT_SECONDS
    pause = threading.Event()
    while not condition():
        assert monotonic() < deadline, state()
        pause.wait(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


@dataclass
class Workspace:
    """A copy of the literal files, with a status port of its own."""

    root: Path
    status_port: int

    @property
    def log(self) -> Path:
        return self.root / "var/logs/access.jsonl"

    @property
    def state(self) -> Path:
        return self.root / "var/exporter.json"

    def append(self, *lines: bytes) -> None:
        with self.log.open("ab") as file:
            file.write(b"".join(one + b"\n" for one in lines))


@dataclass
class Exporter:
    process: subprocess.Popen[bytes]
    said: Path
    port: int = 0

    def get(self, path: str, method: str = "GET") -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=WAIT_SECONDS)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    def samples(self) -> dict[str, float]:
        """Sum over all labels by sample name; of histograms the count and sum."""
        found: dict[str, float] = {}
        text = self.get("/metrics")[1].decode()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                found[sample.name] = found.get(sample.name, 0) + sample.value
        return found

    def requests(self) -> float:
        return self.samples().get("gateway_requests_total", 0)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(WAIT_SECONDS)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    port = free_port()
    for name in (".env", "process-compose.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    for source in (ROOT / "nginx").rglob("*.conf"):
        copy = tmp_path / source.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding="utf-8")
        copy.write_text(text.replace("127.0.0.1:8081", f"127.0.0.1:{port}"), encoding="utf-8")
    (tmp_path / "var/logs").mkdir(parents=True)
    return Workspace(tmp_path, port)


@contextmanager
def exporter(workspace: Workspace, *options: str) -> Iterator[Exporter]:
    said = workspace.root / "said"
    with said.open("wb") as stderr:
        process = subprocess.Popen(
            [*EXPORTER, "--port=0", f"--root={workspace.root}", *options],
            cwd=ROOT,
            stderr=stderr,
        )
    running = Exporter(process, said)

    def listens() -> bool:
        assert process.poll() is None, said.read_text()
        found = re.search(r"metrics at (\S+)\n", said.read_text())
        running.port = int(urlsplit(found[1]).port or 0) if found else 0
        return bool(running.port)

    try:
        wait_until(listens)
        yield running
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait(WAIT_SECONDS)


def refused(*options: str) -> tuple[int, str]:
    done = subprocess.run(
        [*EXPORTER, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_every_scrape_equals_the_log(workspace: Workspace) -> None:
    with exporter(workspace) as running:
        assert running.requests() == 0
        workspace.append(line(), line(**{**NOT_PROXIED, "status": "401"}), b"{}")
        found = running.samples()
        assert found["gateway_requests_total"] == 2
        assert found["gateway_rejected_total"] == 1
        assert found["gateway_log_lines_bad_total"] == 1
        assert found["gateway_request_duration_seconds_count"] == 2
        assert found["gateway_upstream_duration_seconds_count"] == 1
        assert found["process_resident_memory_bytes"] > 0
        workspace.append(line())
        assert running.requests() == 3


def test_instances_have_their_names(workspace: Workspace) -> None:
    workspace.append(line(upstream_addr="127.0.0.1:8201"))
    with exporter(workspace) as running:
        labels = 'cohort="v1",method="POST",status="200",upstream="v2-1"'
        assert f"gateway_requests_total{{{labels}}} 1.0".encode() in running.get("/metrics")[1]


def test_the_paths(workspace: Workspace) -> None:
    with exporter(workspace) as running:
        response, body = running.get("/healthz")
        assert (response.status, body) == (200, b"ok\n")
        response, _ = running.get("/metrics?x=1")
        assert response.status == 200
        assert (response.getheader("Content-Type") or "").startswith("text/plain; version=")
        response, body = running.get("/metrics", "HEAD")
        assert (response.status, body) == (200, b"")
        assert running.get("/")[0].status == 404
        assert running.get("/metrics", "POST")[0].status == 501


def test_a_log_that_is_not_there_yet_or_no_file(workspace: Workspace) -> None:
    with exporter(workspace) as running:
        assert running.requests() == 0
        os.mkfifo(workspace.log)
        assert running.requests() == 0
        wait_until(lambda: "not a regular file" in running.said.read_text())
        assert running.get("/healthz")[0].status == 200
        workspace.log.unlink()
        workspace.append(line())
        assert running.requests() == 1


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"]
)
def test_a_restart_goes_on_where_it_was(
    workspace: Workspace, number: signal.Signals, code: int
) -> None:
    workspace.append(line(), line(), b"bad")
    with exporter(workspace) as running:
        assert running.requests() == 2
        before = running.samples()
        assert running.stop(number) == code
    workspace.append(line())
    with exporter(workspace) as running:
        after = running.samples()
    counted = {name for name in before if name.startswith("gateway_") and "bucket" not in name}
    assert after["gateway_requests_total"] == 3
    assert after["gateway_log_lines_bad_total"] == 1
    assert after["gateway_request_duration_seconds_sum"] == pytest.approx(0.009)
    assert counted >= {"gateway_requests_total", "gateway_upstream_attempts_total"}


def test_a_rotation_while_it_is_down(workspace: Workspace) -> None:
    workspace.append(line(request_id="a"))
    with exporter(workspace) as running:
        assert running.requests() == 1
        assert running.stop() == 0
    workspace.append(line(request_id="b"))
    rotate(workspace.log)
    workspace.append(line(request_id="c"))
    with exporter(workspace) as running:
        assert running.requests() == 3


def test_killed_again_and_again_while_the_log_grows(workspace: Workspace) -> None:
    """Every line counted once, whichever moment SIGKILL comes at."""
    workspace.append(b"bad")
    with exporter(workspace):
        wait_until(workspace.state.exists)
    done = threading.Event()
    written = [0, 1]

    def write() -> None:
        while not done.wait(0.001):
            workspace.append(*[line(request_id=str(written[0]))] * 7, b"bad")
            written[0] += 7
            written[1] += 1
            if written[1] % 100 == 0:
                rotate(workspace.log)

    def stored_after(moment: int) -> Callable[[], bool]:
        return lambda: workspace.state.stat().st_mtime_ns != moment

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(5):
            before = workspace.state.stat().st_mtime_ns
            with exporter(workspace) as running:
                wait_until(stored_after(before))
                assert running.requests() > 0
                assert running.stop(signal.SIGKILL) == -signal.SIGKILL
    finally:
        done.set()
        writer.join()
    with exporter(workspace) as running:
        wait_until(lambda: running.requests() >= written[0], running.samples)
        found = running.samples()
    assert found["gateway_requests_total"] == written[0]
    assert found["gateway_request_duration_seconds_count"] == written[0]
    assert found["gateway_upstream_attempts_total"] == written[0]
    assert found["gateway_log_lines_bad_total"] == written[1]


def test_counts_are_stored_within_seconds_and_only_when_they_change(workspace: Workspace) -> None:
    with exporter(workspace) as running:
        workspace.append(line())
        wait_until(workspace.state.exists)
        first = workspace.state.stat().st_mtime_ns
        workspace.append(line())
        wait_until(lambda: workspace.state.stat().st_mtime_ns != first)
        assert running.stop() == 0
    stored = workspace.state.stat()
    with exporter(workspace) as running:
        assert running.requests() == 2
        assert running.stop() == 0
    assert workspace.state.stat().st_mtime_ns == stored.st_mtime_ns
    assert workspace.state.stat().st_ino == stored.st_ino


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", b'{"format":0}', b'{"format":1,"log":"elsewhere"}', b"[" * 100_000],
)
def test_a_state_that_cannot_be_used_is_said_and_replaced(
    workspace: Workspace, content: bytes
) -> None:
    workspace.append(line())
    workspace.state.write_bytes(content)
    with pytest.raises(StateError, match=r"exporter\.json: not usable"):
        Tally.restore(workspace.log, workspace.state, INSTANCES)


def test_after_that_it_counts_from_the_start(workspace: Workspace) -> None:
    workspace.append(line())
    workspace.state.write_text("{")
    with exporter(workspace) as running:
        assert running.requests() == 1
        assert "counting again from the start" in running.said.read_text()
        assert running.stop() == 0
    Tally.restore(workspace.log, workspace.state, INSTANCES)


def test_a_state_that_cannot_be_written_stops_nothing(workspace: Workspace) -> None:
    workspace.append(line())
    with exporter(workspace, "--state=no/such/folder/exporter.json") as running:
        wait_until(lambda: "cannot be stored" in running.said.read_text())
        assert running.requests() == 1


def test_a_log_that_blocks_does_not_block_a_scrape(workspace: Workspace) -> None:
    workspace.append(line())
    tally = Tally(workspace.log, workspace.state, INSTANCES)
    assert tally.advance(1.0)
    with tally._reading:
        assert not tally.advance(0.01)
        assert tally.families()
    workspace.append(line())
    assert tally.advance(1.0)


def test_a_long_backlog_is_counted_in_parts(workspace: Workspace) -> None:
    workspace.append(*[line()] * 3000)
    tally = Tally(workspace.log, workspace.state, INSTANCES)
    parts = 1
    while not tally.advance(0.0):
        parts += 1
    assert parts > 3


def test_a_port_that_is_taken(workspace: Workspace) -> None:
    workspace.append(line())
    with exporter(workspace) as running:
        code, said = refused(f"--port={running.port}", f"--root={workspace.root}")
    assert code == 2
    assert f"127.0.0.1:{running.port} is taken" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("port", ["no", "65536", "-1", ""])
def test_what_is_no_port(port: str) -> None:
    code, said = refused(f"--port={port}")
    assert code == 2
    assert "is not a port" in said


def test_a_workspace_that_is_broken(workspace: Workspace) -> None:
    (workspace.root / "process-compose.yaml").unlink()
    code, said = refused("--port=0", f"--root={workspace.root}")
    assert code == 2
    assert "process-compose.yaml" in said
    assert said.count("\n") == 1


def nginx_program() -> str:
    found = shutil.which("nginx", path=f"{ROOT / '.tools/bin'}:{os.environ['PATH']}:/usr/sbin")
    assert found is not None, "nginx is missing: run `make setup`"
    return found


def test_connections_come_from_nginx(workspace: Workspace) -> None:
    (workspace.root / "status.conf").write_text(
        f"""
        daemon off; master_process off; pid status.pid; error_log stderr;
        events {{}}
        http {{
          access_log off;
          client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f;
          uwsgi_temp_path u; scgi_temp_path s;
          server {{ listen 127.0.0.1:{workspace.status_port};
                    location = /stub_status {{ stub_status; }} }}
        }}""",
        encoding="utf-8",
    )
    with exporter(workspace) as running:
        assert running.samples()["gateway_nginx_up"] == 0
        assert "gateway_nginx_connections" not in running.samples()
        nginx = subprocess.Popen(
            [nginx_program(), "-p", workspace.root, "-c", "status.conf", "-e", "stderr"]
        )
        try:
            wait_until(lambda: running.samples()["gateway_nginx_up"] == 1, running.samples)
            found = read_connections(workspace.status_port)
            assert found is not None
            assert found.active == found.reading + found.writing + found.waiting == 1
            text = running.get("/metrics")[1]
            assert b'gateway_nginx_connections{state="writing"} 1.0' in text
        finally:
            nginx.terminate()
            nginx.wait(WAIT_SECONDS)
        assert running.samples()["gateway_nginx_up"] == 0


def test_an_nginx_that_hangs_costs_half_a_second() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = monotonic()
        assert read_connections(silent.getsockname()[1]) is None
        assert monotonic() - started < 5


def make_certificate(path: Path, days: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    options = (
        "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost "
        f"-addext subjectAltName=DNS:localhost -days {days}"
    )
    subprocess.run(
        ["openssl", "req", "-x509", *options.split(), "-out", path, "-keyout", f"{path}.key"],
        check=True,
        capture_output=True,
    )


def test_the_end_of_the_certificate(tmp_path: Path) -> None:
    path = tmp_path / "nginx.crt"
    expiry = CertificateExpiry(path)
    assert expiry.refresh() is None
    assert list(expiry.families()) == []
    make_certificate(path, 10)
    assert expiry.refresh() is None
    first = expiry.not_after
    assert first is not None
    make_certificate(path, 30)
    assert expiry.refresh() is None
    second = expiry.not_after
    assert second is not None
    assert second - first == pytest.approx(20 * 86400, abs=60)
    path.write_text("no certificate")
    assert expiry.refresh()
    assert expiry.refresh() is None, "said once"
    assert list(expiry.families()) == []


def test_the_end_of_the_certificate_is_exported(workspace: Workspace) -> None:
    make_certificate(workspace.root / "nginx/certs/nginx.crt", 10)
    name = "gateway_certificate_expiry_timestamp_seconds"
    with exporter(workspace) as running:
        wait_until(lambda: name in running.samples())
        assert running.samples()[name] > 1.7e9
