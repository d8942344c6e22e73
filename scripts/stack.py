"""The running workspace as start, stop and the tests handle it.

Everything here works on one folder (the clone) and one process-compose, reached
through the unix socket that `.pc_env` names.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gateway import process_table
from gateway.exit_codes import ExitCode
from gateway.process_table import alive
from gateway.supervisor import SOCKET, Process, Supervisor, SupervisorUnreachable, ready
from gateway.visible import visible
from scripts import nix_shell

__all__ = [
    "LOGS",
    "StackError",
    "alive",
    "last_words",
    "launch",
    "listening",
    "search_path",
    "stop",
    "wait_until",
    "watch",
]

LOGS = Path("var/logs")
# So many ends with "configuration" (exit code 2) in a row are no accident.
_HOPELESS_RESTARTS = 2
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_FATAL = re.compile(r' FTL (?P<what>.*?) error="?(?P<why>.*?)"?$')


class StackError(Exception):
    """The workspace could not be started or stopped; the text says why."""

    def __init__(self, reason: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(reason)
        self.code = code
        """What the command that meets this should exit with."""


def search_path(root: Path) -> str:
    """PATH with the tools and the Python of the clone at `root` first, or that of the Nix shell."""
    inherited = os.environ.get("PATH", os.defpath)
    if nix_shell.entered():
        return inherited
    return os.pathsep.join([str(root / ".tools/bin"), str(root / ".venv/bin"), inherited])


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


def launch(root: Path, environ: dict[str, str], overlay: str | None = None) -> None:
    """Start everything in the background. Raises StackError with process-compose's own words.

    `overlay`: a file that is laid over process-compose.yaml.
    """
    # The values of .env are in `environ` already, with what the caller set on top;
    # process-compose would let the file win.
    files = [] if overlay is None else ["-f", "process-compose.yaml", "-f", overlay]
    command = ["process-compose", *files, "up", "--detached"]
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
        declared = "process-compose.yaml" if overlay is None else f"process-compose.yaml, {overlay}"
        raise _not_started(done.stderr or done.stdout, declared)


def watch(
    supervisor: Supervisor, timeout_s: float, period_s: float = 0.1
) -> Iterator[tuple[Process, ...]]:
    """The processes, again and again until all are ready.

    Raises StackError when one of them has failed for good or does so at every restart, when
    process-compose is gone, or after `timeout_s` seconds; the text names the process and its
    last words.
    """
    deadline = time.monotonic() + timeout_s
    seen: tuple[Process, ...] = ()
    restarts: dict[str, int] = {}
    while True:
        try:
            seen = supervisor.processes()
        except SupervisorUnreachable:
            if seen:
                raise _stopped_because(seen) from None
        state = ready(seen)
        yield seen
        if state.complete:
            return
        if state.failed:
            raise _failure(state.failed[0])
        for process in state.waiting:
            before = restarts.setdefault(process.name, process.restarts)
            again = process.restarts - before
            if again >= _HOPELESS_RESTARTS and process.exit_code == ExitCode.USAGE:
                raise _failure(process)
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
    return visible(lines[-1].strip()) if lines else f"no output in {path}"


def stop(supervisor: Supervisor, timeout_s: float = 30.0) -> int:
    """Stop everything and wait until no process is left; how many there were.

    Raises StackError naming the pids that are still there after `timeout_s` seconds.
    """
    pids = {process.pid for process in supervisor.processes() if process.pid}
    pids |= _children(pids)
    supervisor.shutdown()
    gone = wait_until(
        lambda: not supervisor.alive() and not any(alive(pid) for pid in pids), timeout_s
    )
    if not gone:
        left = ", ".join(str(pid) for pid in sorted(pids) if alive(pid)) or "process-compose"
        raise StackError(f"still running after {timeout_s:.0f} s: {left}")
    SOCKET.unlink(missing_ok=True)
    return len(pids)


def _not_started(output: str, declared: str) -> StackError:
    """What process-compose said before it gave up, without its colours."""
    lines = _COLOUR.sub("", output).strip().splitlines() or ["it gave no reason"]
    reason = _FATAL.search(lines[-1])
    if reason is None:
        return StackError(f"process-compose did not start: {lines[-1]} (log: var/run/pc.log)")
    if "load" in reason["what"]:  # "Failed to load project"
        text = f"{declared}: {reason['why']}: correct it; nothing was started"
        return StackError(text, ExitCode.USAGE)
    return StackError(f"process-compose did not start: {reason['what']}: {reason['why']}")


def _failure(process: Process) -> StackError:
    code = ExitCode.USAGE if process.exit_code == ExitCode.USAGE else ExitCode.FAILED
    reason = f"{process.name} ended with code {process.exit_code}: {last_words(process.name)}"
    return StackError(reason, code)


def _stopped_because(seen: tuple[Process, ...]) -> StackError:
    # process-compose takes everything down when a one-shot fails, itself included.
    failed = ready(seen).failed
    if failed:
        return _failure(failed[0])
    return StackError("process-compose has stopped (log: var/run/pc.log)")


def _children(pids: set[int]) -> set[int]:
    """Direct children of `pids`: the workers that nginx forks."""
    return {entry.pid for entry in process_table.entries().values() if entry.parent in pids}
