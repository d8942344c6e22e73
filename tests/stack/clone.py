"""Another workspace on this machine: a copy of this one, on ports of its own."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from gateway.disagreement import Disagreement
from gateway.settings import Settings, load_settings
from gateway.topology import Topology, load_topology
from scripts.fresh_clone import copy_models
from scripts.stack import search_path

COMMAND_TIMEOUT_S = 360
"""Of the longest: the first start on Ray."""
_NOT_COPIED = shutil.ignore_patterns(
    ".venv", ".tools", ".git", "var", "certs", "__pycache__", ".*_cache"
)


class Clone:
    """The workspace at `root`; commands run in it as a person would run them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        # The tools and the Python of the clone that runs these tests.
        outside = {key: os.environ[key] for key in os.environ if not key.startswith("GATEWAY_")}
        self.environ = {**outside, "PATH": search_path(Path.cwd())}

    @property
    def settings(self) -> Settings:
        """What .env says now."""
        return load_settings(self.root, {})

    @property
    def topology(self) -> Topology:
        """What the files say now."""
        return load_topology(self.root, self.settings)

    def spawn(self, module: str, *words: str, **environ: str) -> subprocess.Popen[str]:
        """Start `python -m module words...` in a session of its own, as a terminal does."""
        return self._spawn([sys.executable, "-m", module, *words], environ)

    def make(self, target: str) -> subprocess.CompletedProcess[str]:
        """Run `make target` to its end."""
        return self._finish(self._spawn(["make", target], {}), target)

    def _spawn(self, command: list[str], environ: dict[str, str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.root,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, module: str, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m module words...` to its end."""
        return self._finish(self.spawn(module, *words, **environ), module)

    @staticmethod
    def _finish(process: subprocess.Popen[str], name: str) -> subprocess.CompletedProcess[str]:
        with process:
            out, err = process.communicate(timeout=COMMAND_TIMEOUT_S)
        return subprocess.CompletedProcess([name], process.returncode, out, err)

    def start(self, **environ: str) -> subprocess.CompletedProcess[str]:
        """`make start-project` without the set-up."""
        return self.run("scripts.start_project", **environ)

    def stop(self) -> subprocess.CompletedProcess[str]:
        """`make stop-project`."""
        return self.run("scripts.stop_project")

    def predict(self, **headers: str) -> httpx.Response:
        """One prediction through this clone's gateway, trusting this clone's certificate."""
        trust = ssl.create_default_context(cafile=str(self.root / "nginx/certs/nginx.crt"))
        with httpx.Client(verify=trust, auth=("admin", "admin")) as client:
            url = f"{self.settings.url}/predict"
            return client.post(url, json={"sentence": "I am happy"}, headers=headers)

    def move_declared_ports(self, offset: int) -> None:
        """Add `offset` to the ports of process-compose.yaml and .env, and nowhere else."""
        self._move(offset, [self.root / "process-compose.yaml"])

    def move_ports(self, offset: int) -> None:
        """Add `offset` to every port, in every file that has one."""
        files = [self.root / "process-compose.yaml"]
        for room, ending in (("nginx", "conf"), ("monitoring", "yml"), ("monitoring", "ini")):
            files += (self.root / room).rglob(f"*.{ending}")
        self._move(offset, files)

    def _move(self, offset: int, files: Iterable[Path]) -> None:
        topology = self.topology
        literal = {
            topology.status_port,
            topology.exporter_port,
            topology.prometheus_port,
            topology.grafana_port,
            *(instance.port for instance in topology.instances),
        }
        for path in files:
            self._add(path, literal, offset)
        self._add(self.root / ".env", {topology.https_port, topology.http_port}, offset)

    def follow(self, differences: tuple[Disagreement, ...]) -> None:
        """Edit each line that the agreement check names, and only those, as it says."""
        for difference in differences:
            assert difference.line is not None, difference
            path = self.root / difference.file
            lines = path.read_text().split("\n")
            line = lines[difference.line - 1]
            found, expected = _port(difference.found), _port(difference.expected)
            assert found in line, difference
            lines[difference.line - 1] = line.replace(found, expected)
            path.write_text("\n".join(lines))

    @staticmethod
    def _add(path: Path, ports: set[int], offset: int) -> None:
        def moved(match: re.Match[str]) -> str:
            port = int(match[0])
            return str(port + offset) if port in ports else match[0]

        path.write_text(re.sub(r"(?<![\d.])\d{2,5}(?![\d.])", moved, path.read_text()))


@contextmanager
def cloned(root: Path) -> Iterator[Clone]:
    """A copy of the workspace at `root` with its models, in a folder that only we may enter."""
    # mkdtemp makes it 0700. Short, since the address of a unix socket is limited to 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="sy-", dir="/tmp"))
    clone = Clone(folder / "clone")
    try:
        shutil.copytree(root, clone.root, ignore=_NOT_COPIED)
        clone.root.chmod(0o700)
        (clone.root / "var/run").mkdir(parents=True)
        copy_models(root, clone.root)
        yield clone
    finally:
        clone.stop()
        shutil.rmtree(folder)


def _port(text: str) -> str:
    """The port in "9101", "127.0.0.1:9101" or "127.0.0.1:9101 (v1-1)"."""
    match = re.search(r"(\d+)(?: \(.*\))?$", text)
    assert match is not None, text
    return match[1]
