"""A program in a terminal: a pseudo terminal for its first picture, tmux for how it goes on."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.processes import cpu_seconds, die_with_parent
from gateway.process_table import family

COLUMNS, ROWS = 120, 40
_TIMEOUT_S = 60.0


def first_picture_cpu_s(command: Sequence[str], text: str, cwd: Path) -> float:
    """CPU seconds until `text` is written to a terminal of 120x40. Raises BenchError."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    child = subprocess.Popen(
        list(command),
        cwd=cwd,
        env={**os.environ, "TERM": "xterm-256color"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=die_with_parent,
    )
    os.close(slave)
    try:
        seen, deadline = b"", time.monotonic() + _TIMEOUT_S
        while text.encode() not in seen:
            if time.monotonic() > deadline or child.poll() is not None:
                raise BenchError(f"{' '.join(command)} did not show {text!r}: {seen[-300:]!r}")
            if select.select([master], [], [], 0.2)[0]:
                seen += os.read(master, 65_536)
        return cpu_seconds(child.pid)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        os.close(master)


@dataclass(frozen=True, slots=True)
class Pane:
    """A program in tmux."""

    pid: int
    written: Path
    """Everything that it has sent to the terminal since it began."""

    def sent_bytes(self) -> int:
        """How much that is."""
        return self.written.stat().st_size


@contextmanager
def pane(command: Sequence[str], text: str, cwd: Path) -> Iterator[Pane]:
    """Run `command` in a tmux of its own until the end of the block, from when it shows `text`.

    Raises BenchError.
    """
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "written"
        written.touch()

        def tmux(*words: str) -> str:
            socket = str(Path(folder) / "socket")
            line = ["tmux", "-S", socket, "-f", "/dev/null", *words]
            done = subprocess.run(line, cwd=cwd, capture_output=True, text=True, check=False)
            if done.returncode:
                raise BenchError(f"tmux {words[0]}: {done.stderr.strip()}")
            return done.stdout

        size = ["-x", str(COLUMNS), "-y", str(ROWS)]
        # A shell that waits, so that nothing is written before somebody counts it.
        ready = 'read -r _; exec "$@"'
        tmux("new-session", "-d", *size, "sh", "-c", ready, "sh", *command)
        try:
            tmux("pipe-pane", f"cat >> '{written}'")
            pid = int(tmux("display-message", "-p", "#{pane_pid}"))
            tmux("send-keys", "Enter")
            deadline = time.monotonic() + _TIMEOUT_S
            while text not in (screen := tmux("capture-pane", "-p")):
                if time.monotonic() > deadline:
                    raise BenchError(f"{' '.join(command)} did not show {text!r}:\n{screen}")
                time.sleep(0.05)
            yield Pane(pid, written)
        finally:
            tmux("kill-server")


def living(
    command: Sequence[str], text: str, cwd: Path, settled_s: float, seconds: float
) -> tuple[float, float]:
    """CPU % of a core and kB/s to the terminal of what `command` runs, once it has settled.

    Raises BenchError.
    """
    with pane(command, text, cwd) as running:
        time.sleep(settled_s)
        cpu, sent, begun = _cpu_seconds(running.pid), running.sent_bytes(), time.monotonic()
        time.sleep(seconds)
        spent = time.monotonic() - begun
        cpu, sent = _cpu_seconds(running.pid) - cpu, running.sent_bytes() - sent
    return 100 * cpu / spent, sent / spent / 1000


def _cpu_seconds(pid: int) -> float:
    return sum(map(cpu_seconds, family(pid)))
