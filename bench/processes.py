"""The programs under test: started on given cores, metered from /proc, ended whatever happens."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from gateway import process_table
from gateway.process_table import family
from scripts.stack import listening

_READY_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 10.0
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent() -> None:
    """In a child before exec: SIGTERM when the parent is gone, even by SIGKILL."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Server:
    """A running program that accepts connections."""

    name: str
    pid: int
    start_cpu_s: float
    """CPU seconds from its start until it accepted connections, all threads."""

    def cpu_s(self) -> float:
        """CPU seconds so far, those of the processes that it has started included."""
        return sum(map(cpu_seconds, family(self.pid)))

    def resident_bytes(self) -> int:
        """Memory that it holds now (VmRSS), without children."""
        return resident_bytes(self.pid)


@dataclass(frozen=True, slots=True)
class Program:
    """How to start a server."""

    name: str
    command: Sequence[str]
    cwd: Path
    environ: Mapping[str, str]
    port: int
    log: Path
    cpus: frozenset[int] | None = None


@contextmanager
def serving(program: Program) -> Iterator[Server]:
    """Start `program`, wait until its port accepts, and end it afterwards. Raises BenchError."""
    if listening(program.port):
        raise BenchError(f"port {program.port} is in use: stop what listens there")

    def prepare_child() -> None:
        die_with_parent()
        if program.cpus:
            os.sched_setaffinity(0, program.cpus)

    with program.log.open("ab") as log:
        # A session of its own: Ctrl-C reaches this process only, which ends the others.
        child = subprocess.Popen(
            program.command,
            cwd=program.cwd,
            env=dict(program.environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=prepare_child,
        )
    try:
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while not listening(program.port):
            if child.poll() is not None or time.monotonic() > deadline:
                raise BenchError(f"{program.name} did not start: {_last_words(program.log)}")
            time.sleep(0.02)
        yield Server(program.name, child.pid, cpu_seconds(child.pid))
    finally:
        _end(child)


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of `pid`, in seconds (resolution 10 ms).

    Raises BenchError if it has ended.
    """
    found = process_table.cpu_seconds(pid)
    if found is None:
        raise BenchError(f"process {pid} has ended")
    return found


def resident_bytes(pid: int) -> int:
    """Memory that a process holds now (VmRSS). Raises BenchError if it has ended, OSError."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise BenchError(f"process {pid} has ended")


def children(parent: int) -> list[int]:
    """The processes that `parent` has started and that still run."""
    return [pid for pid, each in process_table.entries().items() if each.parent == parent]


def proportional_bytes(pid: int) -> int:
    """Its share of the memory that it uses (Pss of proc(5), smaps_rollup), 0 where it has ended.

    Unlike VmRSS it may be added up over processes: what two share is halved.
    """
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)  # its session: nginx's workers too
        child.wait()


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "no output"
