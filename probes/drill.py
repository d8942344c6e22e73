"""`drill`: hit one process under steady load and report what the clients noticed.

stdout is the report (with --json one document, probes/drill.schema.json); what happens
meanwhile goes to stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.command import Voice, reader_left
from gateway.errors import ConfigurationError
from gateway.exit_codes import ExitCode
from gateway.supervisor import SupervisorError, SupervisorTimeout
from probes.drill_report import document, exit_code, lines
from probes.drill_run import RATE, Phase, drill, sources, usual_rate
from probes.drill_target import OTHERS, Fault, Refused, Target, choose
from probes.sources import PER_SOURCE
from probes.workspace import Workspace, load_workspace

_voice = Voice("drill")
_DEEDS = {Fault.KILL: "kill -9", Fault.FREEZE: "kill -STOP"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one drill; see `--help`. Returns a value of ExitCode."""
    options = _options(arguments)
    try:
        workspace = load_workspace(Path.cwd(), os.environ)
        return _drill(workspace, options)
    except (ConfigurationError, ValueError) as error:
        return _voice.fail(str(error), ExitCode.USAGE)
    except Refused as refused:
        return _voice.fail(f"refused: {refused}", ExitCode.UNREACHABLE)
    except SupervisorTimeout as error:
        return _voice.fail(str(error), ExitCode.TIMEOUT)
    except (OSError, SupervisorError) as error:
        return _voice.fail(str(error), ExitCode.UNREACHABLE)
    except KeyboardInterrupt:
        what = "interrupted; process-compose brings back what was killed, `process-compose process "
        what += "restart nginx` a killed nginx"
        return _voice.fail(what, ExitCode.INTERRUPTED)


def _drill(workspace: Workspace, options: argparse.Namespace) -> int:
    rate = _rate(workspace, options.rate)
    fault = Fault.FREEZE if options.freeze else Fault.KILL
    target = choose(workspace, options.name or options.instance, fault)
    if not options.yes and not _confirmed(target, rate):
        return _voice.fail("not confirmed; nothing was killed", ExitCode.USAGE)
    found = drill(workspace, target, rate, _teller(target))
    text = json.dumps(document(found), indent=2) if options.json else "\n".join(lines(found))
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        return reader_left()
    return exit_code(found)


def _rate(workspace: Workspace, wanted: float | None) -> float:
    if wanted is None:
        rate = usual_rate(workspace)
        if rate < RATE:
            _voice.say(f"this machine has one address: {rate:g} requests/s, not {RATE:g}")
        return rate
    sources(workspace, wanted)
    return wanted


def _confirmed(target: Target, rate: float) -> bool:
    """Ask a person. Without a terminal only --yes is a yes."""
    if not sys.stdin.isatty():
        _voice.say("no terminal to ask: --yes confirms")
        return False
    whom = f"{target.name} (pid {target.pid}) under {rate:g} requests/s"
    if target.is_gateway:
        whom += "; clients will notice"
    sys.stderr.write(f"drill: {_DEEDS[target.fault]} {whom}? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _teller(target: Target) -> Callable[[Phase], None]:
    begun = time.monotonic()
    name = target.name
    deed = "killed" if target.fault is Fault.KILL else "frozen"
    said = {
        Phase.LOAD: "load begun",
        Phase.KILLED: f"{name} (pid {target.pid}) {deed}",
        Phase.READY_AGAIN: f"{name} is ready again",
        Phase.SERVING_AGAIN: f"{name} answers again",
    }
    return lambda phase: _voice.say(f"{time.monotonic() - begun:5.2f} s  {said[phase]}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m dashboard drill",
        description="Kill or freeze one process under steady load, and wait until it is back.",
        epilog="Exit codes: 0 it is back and no request was lost (of nginx: only until it was "
        "back), 1 a request was lost, it is not back, or nothing was decided, "
        "2 usage or not confirmed, 3 the stack is down or not all ready, 4 timeout, "
        "130 interrupted.",
    )
    names = f"an instance, {', '.join(OTHERS[:-1])} or {OTHERS[-1]} (default: the first instance)"
    parser.add_argument("name", metavar="NAME", nargs="?", help=names)
    freeze = "SIGSTOP instead of kill -9; of an instance, exporter or prometheus"
    parser.add_argument("--freeze", action="store_true", help=freeze)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--instance", metavar="NAME", help="the same as NAME")
    rate = f"requests a second (default: {RATE:g}; at most {PER_SOURCE} from each address)"
    parser.add_argument("--rate", type=float, metavar="N", help=rate)
    options = parser.parse_args(arguments)
    if options.name and options.instance:
        parser.error("--instance is the same as NAME: give one of them")
    return options


if __name__ == "__main__":
    raise SystemExit(main())
