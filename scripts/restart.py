"""Restart the instances of a version, one after the other: `python -m scripts.restart v2`.

They read their model at start, so this is how they pick up another one. The next is
stopped only when the one before answers again: the gateway always has the others.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from gateway.errors import ConfigurationError
from gateway.exit_codes import ExitCode
from gateway.settings import load_settings
from gateway.supervisor import SOCKET, Supervisor, SupervisorError
from gateway.topology import load_topology
from scripts import stack

ROOT = Path(__file__).resolve().parent.parent
READY_TIMEOUT_S = 60.0


def main(arguments: list[str] | None = None) -> int:
    """Restart what the command line names; nothing to do where the workspace does not run."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.restart",
        description="Restart the instances of a version, one after the other, so that they load "
        "their model anew.",
    )
    parser.add_argument("version", help="for example v2, as process-compose.yaml has it")
    version: str = parser.parse_args(arguments).version
    os.chdir(ROOT)
    try:
        topology = load_topology(ROOT, load_settings(ROOT, os.environ))
    except ConfigurationError as error:
        return _say(str(error), ExitCode.USAGE)
    names = [instance.name for instance in topology.instances if instance.version == version]
    if not names:
        there = ", ".join(topology.versions)
        reason = f"no instance of {version} in process-compose.yaml, only of {there}"
        return _say(reason, ExitCode.USAGE)
    supervisor = Supervisor(ROOT / SOCKET)
    if not supervisor.alive():
        return _say(f"the workspace does not run: make start-project serves {version} as it is now")
    for name in names:
        begun = time.monotonic()
        if not _restarted(supervisor, name):
            return _say(f"{name} is not ready: {stack.last_words(name)}", ExitCode.FAILED)
        _say(f"{name:<12} {time.monotonic() - begun:5.1f} s")
    return ExitCode.PASS


def _restarted(supervisor: Supervisor, name: str) -> bool:
    """Whether the process came back, as another one, and answers."""
    before = _pid(supervisor, name)
    try:
        supervisor.restart(name)
    except SupervisorError:
        supervisor.start(name)  # it had ended for good
    return stack.wait_until(
        lambda: any(
            process.name == name and process.is_ready and process.pid not in (0, before)
            for process in supervisor.processes()
        ),
        READY_TIMEOUT_S,
    )


def _pid(supervisor: Supervisor, name: str) -> int:
    return next((found.pid for found in supervisor.processes() if found.name == name), 0)


def _say(text: str, code: ExitCode = ExitCode.PASS) -> int:
    sys.stderr.write(f"restart: {text}\n")
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    raise SystemExit(main())
