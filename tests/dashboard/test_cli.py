"""The command line, in processes of its own and in a terminal of its own."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from dashboard.cli import VERBS
from dashboard.record import RecordingWriter
from gateway.exit_codes import ExitCode
from tests.dashboard.stories import busy_minute

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "dashboard"]
WAIT_S = 60.0


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words],
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _environ() -> dict[str, str]:
    """Ours but for the size of our own terminal, which programs believe more than theirs."""
    return {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}


class Terminal:
    """A command in a terminal of 120 columns and 40 rows."""

    def __init__(self, words: list[str], environ: dict[str, str], cwd: Path) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.process = subprocess.Popen(
            [*COMMAND, *words],
            cwd=cwd,
            env={**_environ(), "TERM": "xterm-256color", "PYTHONPATH": str(REPOSITORY), **environ},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.output = b""

    def wait_for(self, text: str) -> None:
        """Until the terminal has been sent `text`."""
        deadline = monotonic() + WAIT_S
        while text.encode() not in self.output:
            assert monotonic() < deadline, f"{text!r} did not come: {self.output[-2000:]!r}"
            self._read()

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def end(self) -> int:
        """Its exit code."""
        deadline = monotonic() + WAIT_S
        while self.process.poll() is None:
            assert monotonic() < deadline, "it does not end"
            self._read()
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        os.close(self._master)

    def _read(self) -> None:
        if select.select([self._master], [], [], 0.1)[0]:
            try:
                self.output += os.read(self._master, 65_536)
            except OSError:  # its end of the terminal is closed
                self.process.wait(WAIT_S)


@contextmanager
def terminal(*words: str, cwd: Path = REPOSITORY, **environ: str) -> Iterator[Terminal]:
    opened = Terminal(list(words), environ, cwd)
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "run.jsonl"
    writer = RecordingWriter(path)
    for event in busy_minute():
        writer.write(event)
    writer.close()
    return path


def test_without_a_terminal_it_says_so() -> None:
    for words in ([], ["replay", "x.jsonl"]):
        done = run(*words)
        assert done.returncode == ExitCode.USAGE
        assert "dashboard: this is not a terminal: " in done.stderr
        assert ("--json" if words else "--help") in done.stderr
        assert not done.stdout


@pytest.mark.parametrize(
    "words",
    [["--key", "nonsense"], ["replay"], ["replay", "x", "--speed", "0"], ["--no-such-option"]],
)
def test_a_wrong_command_line_is_refused(words: list[str]) -> None:
    assert run(*words).returncode == ExitCode.USAGE


def test_the_verbs_are_in_the_help() -> None:
    done = run("--help")
    assert done.returncode == 0
    for verb, text in VERBS.items():
        assert re.search(rf"^  {verb} +{text}$", done.stdout, re.MULTILINE)


def test_a_mistyped_verb_is_told_the_others() -> None:
    done = run("chekc", "--json")
    assert done.returncode == ExitCode.USAGE
    assert "'chekc'" in done.stderr
    assert all(verb in done.stderr for verb in VERBS)


def test_a_recording_plays_in_a_terminal(recording: Path) -> None:
    with terminal("replay", str(recording), "--speed", "1000") as opened:
        opened.wait_for("Switchyard")
        opened.wait_for("end of replay")
        opened.press(" ")
        opened.wait_for("FROZEN")
        opened.press("q")
        assert opened.end() == ExitCode.PASS


def test_no_color_means_none(recording: Path) -> None:
    with terminal("replay", str(recording), "--speed", "1000", NO_COLOR="1") as opened:
        opened.wait_for("end of replay")
        opened.press("q")
        assert opened.end() == ExitCode.PASS
    greys = [
        (red, green, blue)
        for part in opened.output.split(b"8;2;")[1:]
        for red, green, blue in [part.split(b"m")[0].split(b";")[:3]]
    ]
    assert all(red == green == blue for red, green, blue in greys)


def test_a_key_of_no_binding_is_refused(recording: Path) -> None:
    with terminal("replay", str(recording), "--key", "no.such=x") as opened:
        assert opened.end() == ExitCode.USAGE
    assert b"view.freeze" in opened.output


def test_a_bad_recording_is_explained(tmp_path: Path) -> None:
    with terminal("replay", str(tmp_path / "none.jsonl")) as opened:
        assert opened.end() == ExitCode.USAGE
    assert b"none.jsonl" in opened.output


def test_a_stack_that_is_down_is_explained(tmp_path: Path) -> None:
    """The real files, where nothing runs on the ports that they name."""
    for name in (".env", "process-compose.yaml", "workload.yaml", "nginx", "monitoring"):
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("certs"))
        else:
            shutil.copy(source, tmp_path / name)
    record = tmp_path / "run.jsonl"
    with terminal("--root", str(tmp_path), "--record", str(record)) as opened:
        opened.wait_for("access log")
        opened.wait_for("ABSENT")
        opened.press("q")
        assert opened.end() == ExitCode.PASS
    assert '"kind":"source"' in record.read_text()


def test_a_file_that_is_wrong_is_named(tmp_path: Path) -> None:
    with terminal("--root", str(tmp_path)) as opened:
        assert opened.end() == ExitCode.USAGE
    assert b".env" in opened.output
