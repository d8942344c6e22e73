"""`make traffic`: living traffic in the background, as the process `traffic`.

Writes var/traffic.json and has process-compose start the process that reads it
(probes.traffic_run). Ends as soon as the first answer is there; the traffic goes on.
With FROM it sends a recording again instead, in the foreground (probes.traffic_again).
"""

from __future__ import annotations

import argparse
import os
import secrets
import time
from pathlib import Path

from gateway.atomic import replace_file
from gateway.command import Voice
from gateway.errors import ConfigurationError
from gateway.exit_codes import ExitCode
from gateway.settings import load_settings
from gateway.supervisor import (
    SOCKET,
    Process,
    ProcessHealth,
    ProcessStatus,
    Supervisor,
    SupervisorError,
    SupervisorTimeout,
    SupervisorUnreachable,
)
from probes.sources import NO_CHOICE, PER_SOURCE, traffic_sources
from probes.traffic_again import DEFAULT_SPEED, send_again
from probes.traffic_plan import FILE, Demand, read_demand, to_json
from probes.traffic_run import begun_line, describe

_voice = Voice("traffic")
PROCESS = "traffic"
GATEWAY = "nginx"
BEGIN_TIMEOUT_S = 15.0
END_TIMEOUT_S = 10.0

_DEFAULT = Demand()
_PERIOD_S = 0.05
_LINES = 50
_OVER = (
    ProcessStatus.COMPLETED,
    ProcessStatus.DISABLED,
    ProcessStatus.ERROR,
    ProcessStatus.SKIPPED,
)


class TrafficError(Exception):
    """The process did not do what it was told; the text says why."""


class GatewayNotReady(TrafficError):
    """There is nobody to send to."""


class TrafficTimeout(TrafficError):
    """It did not do it in time."""


def main(arguments: list[str] | None = None) -> int:
    """Start the traffic, replace the one that runs, or stop it; the exit code says whether."""
    options = _parse(arguments)
    root = Path.cwd()
    supervisor = Supervisor(root / SOCKET)
    try:
        _check_together(options)
        if options.stop:
            return _stop(supervisor)
        if options.recording is not None:
            _require_none(supervisor)
            return send_again(root, options.recording, options.speed or DEFAULT_SPEED)
        settings = load_settings(root, os.environ)
        sources = traffic_sources(settings)
        demand = read_demand(
            options.rate or f"{_DEFAULT.rate:g}",
            options.users or f"{_DEFAULT.users}",
            options.duration or f"{_DEFAULT.duration:g}",
            secrets.token_hex(4),
            len(sources),
        )
        if sources == NO_CHOICE:
            _voice.say(
                "this machine has no 127.0.1.x addresses for it: all users share one, "
                f"at most {PER_SOURCE} requests/s"
            )
        return _start(supervisor, root, demand, describe(demand, sources))
    except ConfigurationError as error:
        return _voice.fail(str(error), ExitCode.USAGE)
    except GatewayNotReady as error:
        return _voice.fail(str(error), ExitCode.UNREACHABLE)
    except SupervisorUnreachable:
        reason = "the workspace does not run: start it with `make start-project`"
        return _voice.fail(reason, ExitCode.UNREACHABLE)
    except (SupervisorTimeout, TrafficTimeout) as error:
        return _voice.fail(str(error), ExitCode.TIMEOUT)
    except (SupervisorError, TrafficError) as error:
        return _voice.fail(str(error), ExitCode.FAILED)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m probes.traffic",
        description="Living traffic in the background, until its time is over. With --from a "
        "recording is sent again instead, to both versions, in the foreground.",
    )
    parser.add_argument(
        "--rate", metavar="N", help=f"requests a second (default: {_DEFAULT.rate:g})"
    )
    parser.add_argument("--users", metavar="N", help=f"how many (default: {_DEFAULT.users})")
    parser.add_argument("--duration", metavar="S", help=f"seconds (default: {_DEFAULT.duration:g})")
    parser.add_argument("--from", dest="recording", metavar="FILE", help="send this recording")
    parser.add_argument(
        "--speed",
        metavar="N",
        help=f"with --from: so many times its pace (default: {DEFAULT_SPEED})",
    )
    parser.add_argument("--stop", action="store_true", help="stop the traffic instead")
    return parser.parse_args(arguments)


def _check_together(options: argparse.Namespace) -> None:
    """A value that would be ignored is a mistake. Raises ConfigurationError."""
    recorded = options.recording is not None
    for name in ("rate", "users", "duration") if recorded else ("speed",):
        if getattr(options, name) is not None:
            given = f"{name.upper()}={getattr(options, name)}"
            problem = "the recording says that" if recorded else "only with FROM"
            raise ConfigurationError(given, problem, "leave it out")


def _require_none(supervisor: Supervisor) -> None:
    """Both would send from the same addresses, and meet the limit. Raises TrafficError."""
    if _process(supervisor).status not in _OVER:
        raise TrafficError("traffic runs already, from the same addresses: `make traffic STOP=1`")


def _start(supervisor: Supervisor, root: Path, demand: Demand, words: str) -> int:
    before = _process(supervisor)
    # process-compose would skip the process, and say so in a log of its own.
    gateway = _process(supervisor, GATEWAY)
    if gateway.status is not ProcessStatus.RUNNING or gateway.health is not ProcessHealth.READY:
        raise GatewayNotReady(
            f"{GATEWAY} is not ready ({gateway.status.value.lower()}): start it with "
            f"`process-compose process start {GATEWAY}` (in `make shell`), or see "
            f"var/logs/{GATEWAY}.log"
        )
    replace_file(root / FILE, to_json(demand))
    if before.status in _OVER:
        supervisor.start(PROCESS)
    else:
        _voice.say("it runs already: starting it again with these values")
        _end(supervisor)
        supervisor.start(PROCESS)
    first = _begin(supervisor, demand.run, before.pid)
    _voice.say(f"{words}{first}")
    _voice.say("in the background; stop it with `make traffic STOP=1`, watch var/logs/access.jsonl")
    return ExitCode.PASS


def _stop(supervisor: Supervisor) -> int:
    if _process(supervisor).status in _OVER:
        _voice.say("there is none")
        return ExitCode.PASS
    _end(supervisor)
    _voice.say("stopped")
    return ExitCode.PASS


def _begin(supervisor: Supervisor, run: str, former: int) -> str:
    """Wait for the first answer of the run; what its line says after the values.

    `former` is the pid of the run before, whose state process-compose shows a little longer.
    """
    deadline = time.monotonic() + BEGIN_TIMEOUT_S
    begun = begun_line(run)
    while True:
        # The state first: a process that is over by now has written all that it will.
        process = _process(supervisor)
        lines = supervisor.logs(PROCESS, _LINES)
        for line in lines:
            if line.startswith(begun):
                return line[line.rfind("; ") :]
        last = lines[-1] if lines else "it said nothing"
        if process.status in _OVER and process.pid != former:
            raise TrafficError(f"the process ended with code {process.exit_code}: {last}")
        if time.monotonic() > deadline:
            state = process.status.value.lower()
            raise TrafficTimeout(
                f"no answer within {BEGIN_TIMEOUT_S:g} s (process {state}; {last}): "
                "process-compose list -o wide"
            )
        time.sleep(_PERIOD_S)


def _end(supervisor: Supervisor) -> None:
    supervisor.stop(PROCESS)
    deadline = time.monotonic() + END_TIMEOUT_S
    while _process(supervisor).status not in _OVER:
        if time.monotonic() > deadline:
            raise TrafficTimeout(f"it did not stop within {END_TIMEOUT_S:g} s")
        time.sleep(_PERIOD_S)


def _process(supervisor: Supervisor, name: str = PROCESS) -> Process:
    found = [process for process in supervisor.processes() if process.name == name]
    if not found:
        raise TrafficError(
            f"process-compose knows no process `{name}`: `make stop-project`, then "
            "`make start-project` (it reads process-compose.yaml when it starts)"
        )
    return found[0]


if __name__ == "__main__":
    raise SystemExit(main())
