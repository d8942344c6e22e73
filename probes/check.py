"""`check`: every promise of the running stack, tried out.

stdout is one line for each check (with --json one document, probes/checks.schema.json);
why a stack that is down is down goes to stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.command import Voice, reader_left
from gateway.errors import ConfigurationError
from gateway.exit_codes import ExitCode
from gateway.visible import visible
from probes.checks import report
from probes.checks.absence import absence
from probes.checks.finding import Check, Result
from probes.checks.registry import CHECKS, chosen, left_out, run_all
from probes.workspace import Workspace, load_workspace

_voice = Voice("check")
TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class _Options:
    as_json: bool
    junit: Path | None
    checks: tuple[Check, ...]
    timeout_s: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks; see `--help`. Returns a value of ExitCode."""
    options = _options(arguments)
    try:
        workspace = load_workspace(Path.cwd(), os.environ)
        return _check(options, workspace)
    except ConfigurationError as error:
        return _voice.fail(str(error), ExitCode.USAGE)
    except KeyboardInterrupt:
        return _voice.fail("interrupted; what was printed holds", ExitCode.INTERRUPTED)
    except BrokenPipeError:
        return reader_left()


def _check(options: _Options, workspace: Workspace) -> int:
    if lines := absence(workspace):
        results = [left_out(each, workspace, "the stack is down") for each in options.checks]
        sys.stderr.write("".join(f"check: {visible(line)}\n" for line in lines))
        return _finish(options, results, ExitCode.UNREACHABLE)
    results = []
    begun = time.monotonic()
    for result in run_all(options.checks, workspace, options.timeout_s):
        results.append(result)
        if not options.as_json:
            sys.stdout.write(report.line(result) + "\n")
            sys.stdout.flush()
    # Not the sum of their times: what lies between two checks counts, too.
    timed_out = time.monotonic() - begun >= options.timeout_s
    code = ExitCode.TIMEOUT if timed_out else report.exit_code(results)
    sys.stderr.write(f"check: {report.summary(results)}\n")
    return _finish(options, results, code)


def _finish(options: _Options, results: list[Result], code: ExitCode) -> int:
    if options.as_json:
        document = json.dumps(report.document(results), indent=2)
        sys.stdout.write(document + "\n")
        sys.stdout.flush()
    if options.junit is not None:
        try:
            report.write_junit(results, options.junit)
        except OSError as error:
            return _voice.fail(f"--junit {options.junit}: {error.strerror}", ExitCode.USAGE)
    return code


def _options(arguments: Sequence[str] | None) -> _Options:
    parser = argparse.ArgumentParser(
        prog="python -m dashboard check",
        description="Try out every promise of the running stack.",
        epilog="Exit codes: 0 all passed, 1 not all passed, 2 usage or configuration, "
        "3 the stack is down, 4 timeout, 130 interrupted. Checks: "
        + ", ".join(check.id for check in CHECKS),
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML as well")
    parser.add_argument(
        "--only", action="append", default=[], metavar="ID", help="this check; may be repeated"
    )
    parser.add_argument(
        "--timeout", type=float, default=TIMEOUT_S, metavar="S",
        help="seconds for all checks together (default: %(default)g)",
    )  # fmt: skip
    given = parser.parse_args(arguments)
    if not 0 < given.timeout < float("inf"):
        parser.error(f"--timeout {given.timeout:g}: give a number of seconds above 0")
    try:
        checks = chosen(given.only)
    except ValueError as error:
        parser.error(f"--only: {error}")
    return _Options(given.json, given.junit, checks, given.timeout)


if __name__ == "__main__":
    raise SystemExit(main())
