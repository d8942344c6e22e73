"""`make stop-project`: ends when no process of the workspace is left."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from gateway.exit_codes import ExitCode
from gateway.supervisor import SOCKET, Supervisor
from scripts import stack

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Stop everything that the process-compose of this folder runs."""
    os.chdir(ROOT)
    supervisor = Supervisor(ROOT / SOCKET)
    if not supervisor.alive():
        sys.stderr.write("stop: the workspace does not run\n")
        return ExitCode.PASS
    try:
        count = stack.stop(supervisor)
    except stack.StackError as error:
        sys.stderr.write(f"stop: {error}\n")
        return ExitCode.FAILED
    sys.stderr.write(f"stop: {count} processes stopped\n")
    return ExitCode.PASS


if __name__ == "__main__":
    raise SystemExit(main())
