"""`canary`: give the second version a share of the users, or of copies; drain an instance.

Without an argument: what is tried now, and what it has come to. stdout is that, or what was
changed (with --json one document, probes/canary.schema.json); stderr says when it takes
effect, and warns.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Any

from gateway.canary import read_experiment
from gateway.cohort import is_user_id
from gateway.command import Voice, reader_left, unusable
from gateway.errors import ConfigurationError
from gateway.exit_codes import ExitCode
from gateway.settings import load_settings
from gateway.topology import Topology, load_topology
from probes.canary_change import Wanted, canary_version, change, warnings
from probes.canary_lines import change_lines, report_lines, who_line
from probes.canary_report import document, report, who
from probes.exchange import ask

_voice = Voice("canary")
OFF = "off"


def main(arguments: Sequence[str] | None = None) -> int:
    """Show or change it; see `--help`. Returns a value of ExitCode."""
    options = _options(arguments)
    root = Path.cwd()
    try:
        topology = load_topology(root, load_settings(root, os.environ))
        if options.who:
            value, lines = _who(root, topology, options.who)
        elif (wanted := _wanted(options)) == Wanted():
            value, lines = _report(root, topology)
        else:
            value, lines = _change(root, topology, wanted)
        text = json.dumps(value, indent=2) if options.json else "\n".join(lines)
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except ConfigurationError as error:
        return _voice.fail(str(error), ExitCode.USAGE)
    except BrokenPipeError:
        return reader_left()
    except OSError as error:
        return _voice.fail(unusable(error, "var/canary"), ExitCode.USAGE)
    except KeyboardInterrupt:
        return _voice.fail("interrupted", ExitCode.INTERRUPTED)
    return ExitCode.PASS


def _report(root: Path, topology: Topology) -> tuple[dict[str, Any], list[str]]:
    found = report(root, topology, time.time())
    if not found.complete:
        _voice.say("the logs are too long: the counts do not go back all of the time")
    if not _gateway_runs(topology):
        _voice.say("the gateway does not run")
    return document(found), report_lines(found, canary_version(topology))


def _change(root: Path, topology: Topology, wanted: Wanted) -> tuple[dict[str, Any], list[str]]:
    changed = change(root, topology, wanted)
    if changed.before is None:
        _voice.say("the state could not be read and was replaced")
    if changed.before == changed.after:
        _voice.say("nothing to change")
    elif not _gateway_runs(topology):
        _voice.say("takes effect when the gateway starts")
    else:
        _voice.say("in effect from the next request on")
        for warning in warnings(changed, topology):
            _voice.say(f"warning: {warning}")
    before = None if changed.before is None else asdict(changed.before)
    value = {"before": before, "experiment": asdict(changed.after)}
    return value, change_lines(changed, canary_version(topology))


def _who(root: Path, topology: Topology, users: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    for user in users:
        if not is_user_id(user):
            problem = f"{user!r} is no X-User-Id that the gateway takes"
            fix = "give 1 to 64 of the characters A-Z a-z 0-9 . _ @ -"
            raise ConfigurationError("--who", problem, fix)
    experiment = read_experiment(root)
    found = [who(user, experiment, topology) for user in users]
    value = [{**asdict(each), "cohort": each.cohort.value} for each in found]
    return {"who": value}, [who_line(each) for each in found]


def _gateway_runs(topology: Topology) -> bool:
    try:
        return ask(topology.status_port, "GET", "/healthz").status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False


def _wanted(options: argparse.Namespace) -> Wanted:
    off = options.weight == OFF
    return Wanted(None if off else options.weight, options.shadow, options.drain,
                  options.undrain, off)  # fmt: skip


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m dashboard canary",
        description="Show or change what is tried: by the share of the users that the second "
        "version answers (canary), by copies that it gets (shadow), by an instance that gets "
        "no new requests (drained). In effect from the next request on, without a reload.",
        epilog="Exit codes: 0 shown or changed, 2 usage or configuration (nothing has changed), "
        "130 interrupted.",
    )
    parser.add_argument(
        "weight", nargs="?", type=_weight, metavar="PERCENT",
        help="of the users, 0 to 100; `off` is the kill switch: canary and shadow 0",
    )  # fmt: skip
    parser.add_argument(
        "--shadow", type=_percent, metavar="PERCENT", help="of the requests to v1 are copied"
    )
    parser.add_argument("--drain", metavar="NAME", help="no new requests to this instance")
    parser.add_argument("--undrain", metavar="NAME", help="requests to it again")
    parser.add_argument(
        "--who", action="append", default=[], metavar="USER",
        help="which version somebody with this X-User-Id gets; may be repeated",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    given = parser.parse_args(arguments)
    wanted = _wanted(given)
    if given.who and wanted != Wanted():
        parser.error("--who only asks: change first, then ask")
    if wanted.off and wanted.shadow:
        parser.error(f"`{OFF}` ends the shadow, too: give 0 for the weight to keep it")
    return given


def _weight(text: str) -> int | str:
    return OFF if text == OFF else _percent(text, f", or `{OFF}`")


def _percent(text: str, otherwise: str = "") -> int:
    if text.isascii() and text.isdecimal() and int(text) <= 100:
        return int(text)
    fix = f"give a whole number, 0 to 100{otherwise}"
    raise argparse.ArgumentTypeError(f"{text!r} is no percentage: {fix}")


if __name__ == "__main__":
    raise SystemExit(main())
