"""The process `rollout`: looks until there is nothing to do, once a second or more often.

It ends by itself when no rollout is under way and nobody asks for one, so that it may be started
with everything else and goes on with a rollout that a stop, a crash or a reboot interrupted.
"""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Final

from gateway.errors import ConfigurationError
from gateway.exit_codes import ExitCode
from gateway.settings import load_settings
from gateway.topology import load_topology
from rollout.candidate import Candidate
from rollout.pilot import Pilot
from rollout.store import open_store

BEGUN: Final = "rollout: begun"
"""How the line starts that says so; process-compose waits for it (ready_log_line)."""
PERIOD_S: Final = 1.0
URGENT_S: Final = 0.25
"""While v2 answers users: at 20 requests/s of which a fifth fails, a second is four bad answers."""
IDLE_S: Final = 10.0
"""So long it waits for a command before it ends."""


class _Stopped(BaseException):
    """SIGTERM or SIGINT came: the last look is over, or will be made up for."""


def main() -> int:
    """Run until there is nothing to do, or until it is stopped. Returns a value of ExitCode."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    root = Path.cwd()
    try:
        topology = load_topology(root, load_settings(root, os.environ))
        if len(topology.versions) < 2:
            raise ConfigurationError(
                "process-compose.yaml", "declares one version", "declare an instance of another"
            )
        with open_store(root) as store:
            candidate = Candidate(root, topology)
            candidate.begin()
            pilot = Pilot(root, store, topology, lambda: candidate.sight)
            try:
                _say(f"{BEGUN} (pid {os.getpid()})")
                _run(pilot)
            finally:
                pilot.close()
                candidate.end()
    except ConfigurationError as error:
        _say(f"rollout: {error}")
        return ExitCode.USAGE
    except OSError as error:
        _say(f"rollout: {error}")
        return ExitCode.USAGE
    except _Stopped:
        _say("rollout: stopped; the gateway keeps the weight")
    return ExitCode.PASS


def _run(pilot: Pilot) -> None:
    wait = threading.Event()  # never set: a wait that a signal ends
    busy = time.monotonic()
    while True:
        begun = time.monotonic()
        pilot.look(time.time())
        if not pilot.idle:
            busy = time.monotonic()
        elif time.monotonic() - busy > IDLE_S:
            _say("rollout: nothing to do")
            return
        wait.wait(max(0.0, begun + (URGENT_S if pilot.urgent else PERIOD_S) - time.monotonic()))


def _stop(number: int, frame: FrameType | None) -> None:
    raise _Stopped


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main())
