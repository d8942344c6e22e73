"""The exporter as a process, in a copy of the workspace, for the tests that need one."""

import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from tests.gateway.waiting import WAIT_SECONDS, wait_until

ROOT = Path(__file__).parents[2]
EXPORTER = (sys.executable, "-m", "gateway.exporter")


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

    def get(
        self, path: str, method: str = "GET", host: str | None = None
    ) -> tuple[HTTPResponse, bytes]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=WAIT_SECONDS)
        try:
            connection.request(method, path, headers={} if host is None else {"Host": host})
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


def copy_workspace(folder: Path) -> Workspace:
    """What the exporter reads of the repository, with a free status port."""
    port = free_port()
    for name in (".env", "process-compose.yaml"):
        shutil.copy(ROOT / name, folder / name)
    for source in (ROOT / "nginx").rglob("*.conf"):
        copy = folder / source.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding="utf-8")
        copy.write_text(text.replace("127.0.0.1:8081", f"127.0.0.1:{port}"), encoding="utf-8")
    (folder / "var/logs").mkdir(parents=True)
    return Workspace(folder, port)


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
