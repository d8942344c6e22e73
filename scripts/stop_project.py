"""`make stop-project`: ends when no process of the workspace is left."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from gateway.exit_codes import ExitCode
from gateway.supervisor import SOCKET, Supervisor, SupervisorTimeout, SupervisorUnreachable
from scripts import leftovers, stack

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Stop everything that the process-compose of this folder runs."""
    os.chdir(ROOT)
    supervisor = Supervisor(ROOT / SOCKET)
    if not supervisor.alive():
        return _stop_unsupervised()
    try:
        count = stack.stop(supervisor)
    except (stack.StackError, SupervisorTimeout, SupervisorUnreachable) as error:
        sys.stderr.write(f"stop: {error}\n")
        return ExitCode.FAILED
    # What a process started outside its own group may need a moment more, or a word (Ray).
    leftovers.end(leftovers.leftovers(ROOT))
    sys.stderr.write(f"stop: {count} processes stopped\n")
    return ExitCode.PASS


def _stop_unsupervised() -> int:
    """Without an API there may still be a process-compose that hangs, or what one left behind."""
    found = leftovers.supervisors(ROOT)
    leftovers.end(found)
    left = leftovers.leftovers(ROOT)
    leftovers.end(left)
    SOCKET.unlink(missing_ok=True)
    if found or left:
        names = ", ".join(f"{entry.name} ({entry.pid})" for entry in (*found, *left))
        sys.stderr.write(f"stop: ended what did not answer any more: {names}\n")
    else:
        sys.stderr.write("stop: the workspace does not run\n")
    return ExitCode.PASS


if __name__ == "__main__":
    raise SystemExit(main())
