"""The running workspace as start, stop and the tests handle it.

Everything here works on one folder (the clone) and one process-compose, reached
through the unix socket that `.pc_env` names.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gateway.supervisor import SOCKET, Process, Supervisor, SupervisorUnreachable, ready

LOGS = Path("var/logs")


class StackError(Exception):
    """The workspace could not be started or stopped; the text says why."""


def search_path(root: Path) -> str:
    """PATH with the tools and the Python of the clone at `root` first."""
    return os.pathsep.join(
        [str(root / ".tools/bin"), str(root / ".venv/bin"), os.environ.get("PATH", os.defpath)]
    )


def wait_until(condition: Callable[[], bool], timeout_s: float, period_s: float = 0.1) -> bool:
    """Whether `condition` came true within `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(period_s)
    return True


def listening(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something accepts connections at `port`."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0


def alive(pid: int) -> bool:
    """Whether `pid` runs (a zombie that nobody has reaped yet does not)."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def launch(root: Path, environ: dict[str, str]) -> None:
    """Start everything in the background. Raises StackError with process-compose's own words."""
    # The values of .env are in `environ` already, with what the caller set on top;
    # process-compose would let the file win.
    command = ["process-compose", "up", "--detached"]
    done = subprocess.run(
        command,
        cwd=root,
        env={**environ, "PATH": search_path(root), "PC_DISABLE_DOTENV": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines() or ["it gave no reason"]
        raise StackError(f"process-compose did not start: {words[-1]} (log: var/run/pc.log)")


def watch(
    supervisor: Supervisor, timeout_s: float, period_s: float = 0.1
) -> Iterator[tuple[Process, ...]]:
    """The processes, again and again until all are ready.

    Raises StackError when one of them has failed for good, when process-compose is
    gone, or after `timeout_s` seconds; the text names the process and its last words.
    """
    deadline = time.monotonic() + timeout_s
    seen: tuple[Process, ...] = ()
    while True:
        try:
            seen = supervisor.processes()
        except SupervisorUnreachable:
            if seen:
                raise StackError(_stopped_because(seen)) from None
        state = ready(seen)
        yield seen
        if state.complete:
            return
        if state.failed:
            raise StackError(_failure(state.failed[0]))
        if time.monotonic() > deadline:
            names = [process.name for process in state.waiting] or ["process-compose"]
            words = "; ".join(f"{name}: {last_words(name)}" for name in names)
            raise StackError(f"not ready after {timeout_s:.0f} s: {words}")
        time.sleep(period_s)


def last_words(process: str) -> str:
    """The last line in the log of `process`, or where that log would be."""
    path = LOGS / f"{process}.log"
    try:
        lines = path.read_text(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1].strip() if lines else f"no output in {path}"


def stop(supervisor: Supervisor, timeout_s: float = 30.0) -> int:
    """Stop everything and wait until no process is left; how many there were.

    Raises StackError naming the pids that are still there after `timeout_s` seconds.
    """
    pids = {process.pid for process in supervisor.processes() if process.pid}
    pids |= set(_children(pids))
    supervisor.shutdown()
    gone = wait_until(
        lambda: not supervisor.alive() and not any(alive(pid) for pid in pids), timeout_s
    )
    if not gone:
        left = ", ".join(str(pid) for pid in sorted(pids) if alive(pid)) or "process-compose"
        raise StackError(f"still running after {timeout_s:.0f} s: {left}")
    SOCKET.unlink(missing_ok=True)
    return len(pids)


def _failure(process: Process) -> str:
    return f"{process.name} ended with code {process.exit_code}: {last_words(process.name)}"


def _stopped_because(seen: tuple[Process, ...]) -> str:
    # process-compose takes everything down when a one-shot fails, itself included.
    failed = ready(seen).failed
    return _failure(failed[0]) if failed else "process-compose has stopped (log: var/run/pc.log)"


def _children(pids: set[int]) -> Iterator[int]:
    """Direct children of `pids`: the workers that nginx forks."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue
        if parent in pids:
            yield int(folder.name)
