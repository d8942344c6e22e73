"""The commands of README.md, then those of docs/tour.md, in order, as a reader would type them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

BLOCK = re.compile(
    r"(?:<!-- skip-docs-test: (?P<reason>.+?) -->\n)?```console\n(?P<body>.*?)```", re.DOTALL
)
README = Path("README.md").read_text(encoding="utf-8")
TOUR = Path("docs/tour.md").read_text(encoding="utf-8")
STOP = "make stop-project"


def commands(page: str) -> list[str]:
    return [
        line.removeprefix("$ ")
        for block in BLOCK.finditer(page)
        if not block["reason"]
        for line in block["body"].splitlines()
        if line.startswith("$ ")
    ]


*FIRST, FIRST_END = commands(README)
COMMANDS = [*FIRST, *commands(TOUR)]
Transcript = list[subprocess.CompletedProcess[str]]


def run(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )


@pytest.fixture(scope="module")
def transcript() -> Transcript:
    """Every command with what came out; the stack is stopped whatever happens."""
    try:
        return [run(command) for command in COMMANDS]
    finally:
        run(STOP)


def done_by(transcript: Transcript, beginning: str) -> subprocess.CompletedProcess[str]:
    """What the first command came to that begins so."""
    number = next(n for n, command in enumerate(COMMANDS) if command.startswith(beginning))
    return transcript[number]


@pytest.mark.parametrize("number", range(len(COMMANDS)), ids=COMMANDS)
def test_the_command_works(transcript: Transcript, number: int) -> None:
    done = transcript[number]
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_two_promised_commands_are_there() -> None:
    assert COMMANDS[0] == "make start-project"
    assert COMMANDS[-1] == FIRST_END == STOP
    assert "\n$ make test\n" in README


def test_start_prints_addresses_login_and_three_next_commands(transcript: Transcript) -> None:
    printed = done_by(transcript, "make start-project").stdout
    assert "https://localhost:8443/predict   login admin:admin" in printed
    assert "http://localhost:9090" in printed
    following = printed.partition("Next:\n")[2].split("\n")
    assert [line.split()[0] for line in following if line] == ["make"] * 3


def test_the_loop_is_shared_and_limited(transcript: Transcript) -> None:
    counted: dict[tuple[str, ...], int] = {}
    for row in done_by(transcript, "for i in").stdout.splitlines():
        number, *what = row.split()
        counted[tuple(what)] = int(number)
    assert sum(counted.values()) == 100
    accepted = {key[1]: n for key, n in counted.items() if key[0] == "200"}
    assert set(accepted) == {"v1-1", "v1-2", "v1-3"}
    assert all(0.25 <= n / sum(accepted.values()) <= 0.42 for n in accepted.values())
    assert counted[("429",)] > 0


def test_stop_leaves_nothing(transcript: Transcript) -> None:
    assert done_by(transcript, STOP).returncode == 0
    assert not Path("var/run/pc.sock").exists()
    here = str(Path.cwd())
    left = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int(folder.name) != os.getpid() and str((folder / "cwd").readlink()) == here:
                left.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    ours = ("uvicorn", "nginx", "prometheus", "process-compose", "gateway.exporter", "grafana")
    assert not [line for line in left if any(name in line for name in ours)]


def test_every_port_of_the_table_is_declared() -> None:
    from gateway.settings import load_settings
    from gateway.topology import load_topology

    root = Path.cwd()
    topology = load_topology(root, load_settings(root, {}))
    table = README.partition("| port (loopback only) | what |")[2].partition("\n\n")[0]
    written = {int(port) for port in re.findall(r"\b\d{4}\b", table)}
    assert written == {
        topology.https_port,
        topology.http_port,
        topology.status_port,
        topology.exporter_port,
        topology.prometheus_port,
        topology.grafana_port,
        *(instance.port for instance in topology.instances),
    }
