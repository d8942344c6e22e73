"""`ab`: both versions asked the same texts; who answered, how fast, and who is right.

stdout is the report (with --json one document, probes/ab.schema.json); what happens
meanwhile goes to stderr. The exit code is 1 when a question was answered with no, or it
could not be measured as intended; an inconclusive run is no failure, unless --strict says so.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from gateway.atomic import replace_file
from gateway.command import Voice, reader_left
from gateway.errors import ConfigurationError
from gateway.exit_codes import ExitCode
from gateway.settings import load_settings
from gateway.topology import load_topology
from gateway.workload import load_workload
from probes.ab_client import ab_sources
from probes.ab_report import Run, as_json, lines, report
from probes.ab_run import (
    MARGIN,
    PAIRS,
    check_versions,
    open_allowance,
    open_client,
    plan,
    run,
)
from probes.ab_tally import Tally
from probes.client import NoAnswer
from probes.sources import NO_CHOICE, PER_SOURCE
from probes.verdict import Verdict

_voice = Voice("ab")
SEED = 1
_TELL_S = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one A/B test; see `--help`. Returns a value of ExitCode."""
    options = _options(arguments)
    try:
        done = _measure(Path.cwd(), options)
        code = _code(done, options.strict)
        if options.report:
            _write(options.report, report(done, options.report))
    except ConfigurationError as error:
        return _voice.fail(str(error), ExitCode.USAGE)
    except NoAnswer as error:
        return _voice.fail(
            f"{error}: is the workspace running? make start-project", ExitCode.UNREACHABLE
        )
    except KeyboardInterrupt:
        return _voice.fail("interrupted before the first pair", ExitCode.INTERRUPTED)
    try:
        sys.stdout.write(as_json(done) if options.json else "\n".join(lines(done)) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        return reader_left()
    return code


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m dashboard ab",
        description="Ask both versions the same texts: who answered, how fast, and who is right.",
        epilog="Exit codes: 0 nothing was answered with no (undecided is no failure, but with "
        "--strict), 1 something was, or could not be measured as intended, 2 usage or "
        "configuration, 3 the stack is down, 130 interrupted.",
    )
    parser.add_argument(
        "--pairs", type=int, default=PAIRS, metavar="N",
        help="how many texts of the corpus (default: %(default)d)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=SEED, metavar="N",
        help="which texts, and in which order (default: %(default)d)",
    )  # fmt: skip
    parser.add_argument(
        "--margin", type=float, default=MARGIN, metavar="SHARE",
        help="how much slower the second version may be (default: %(default)g, which is "
        f"{100 * MARGIN:g} %%)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="write FILE too: FILE.json as JSON, any other name as Markdown",
    )
    parser.add_argument(
        "--strict", action="store_true", help="exit code 1 unless every question was answered yes"
    )
    return parser.parse_args(arguments)


def _measure(root: Path, options: argparse.Namespace) -> Run:
    if not (math.isfinite(options.margin) and options.margin > 0):
        where = f"--margin {options.margin:g}"
        raise ConfigurationError(where, "not above 0", "give a share such as 0.2")
    settings = load_settings(root, os.environ)
    workload, topology = load_workload(root), load_topology(root, settings)
    check_versions(root, topology)
    chosen = plan(workload.texts(), options.pairs, options.seed)
    if len(chosen.texts) < options.pairs:
        _voice.say(f"the corpus has {chosen.corpus} rows, so that many pairs")
    if ab_sources(settings) == NO_CHOICE:
        _voice.say(f"this machine has one address: {PER_SOURCE} requests/s, three for each pair")
    tally = Tally(workload.pointer, topology.served, len(chosen.texts), options.margin)
    client = open_client(root, settings, workload)
    stopped, interrupted = "", False
    begun = told = time.monotonic()
    try:
        for pair in run(client, workload, chosen, open_allowance(settings)):
            tally.add(pair)
            if time.monotonic() - told >= _TELL_S:
                told = time.monotonic()
                _voice.say(f"{tally.pairs} of {tally.planned} pairs")
    except NoAnswer as error:
        if tally.pairs == 0:
            raise
        stopped = f"the gateway did not answer any more after {tally.pairs} pairs: {error}"
    except KeyboardInterrupt:
        if tally.pairs == 0:
            raise
        interrupted = True
    finally:
        client.close()
    seconds = time.monotonic() - begun
    return Run(tally, chosen.seed, chosen.corpus, seconds, stopped, interrupted)


def _code(done: Run, strict: bool) -> ExitCode:
    if done.interrupted:
        return ExitCode.INTERRUPTED
    if done.stopped:
        return ExitCode.UNREACHABLE
    bad = {Verdict.FAILED, Verdict.ERROR}
    if strict:
        bad = set(Verdict) - {Verdict.PASSED}
    return ExitCode.FAILED if done.judgements.overall.verdict in bad else ExitCode.PASS


def _write(path: Path, content: str) -> None:
    try:
        # Texts of the corpus are in it: for who made it alone.
        replace_file(path, content, 0o600)
    except OSError as error:
        problem = f"cannot be written ({error.strerror})"
        raise ConfigurationError(str(path), problem, "give another file to --report") from None


if __name__ == "__main__":
    raise SystemExit(main())
