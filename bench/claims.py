"""What the README claims, tried on this machine: `python -m bench.claims [NAME ...]`.

kill      kill -9 of each instance under load loses no request
canary    the canary moves eight times under HTTP/2 without one error
alarms    looking after every request raises no more false alarms than promised
rollback  a v2 that begins to fail is rolled back after the same few bad answers, however long
          it was well
numbers   every count on the Overview is what jq counts in the log

kill, canary and numbers start a workspace of their own, in a private network where the machine
allows one; alarms and rollback are simulations. Ends with 0 if every claim held, else with 1.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

from bench.cli import publish
from bench.live_claims import canary, kill, numbers
from bench.private import enter_private_network
from bench.spread import markdown_table
from gateway.exit_codes import ExitCode
from tests.rollout import simulation
from tests.rollout.simulation import SEED

RUNS = 200
WHOLE_RUNS = 500
ALPHA = 0.015
"""Of a whole rollout; of the test of the split 0.01."""
MOST_BAD = 15
PASTS = (0, 5_000, 50_000)

Finding = tuple[bool, str]
"""Whether the claim held, and what was found."""


def alarms() -> Finding:
    """Healthy rollouts, judged after every request."""
    ended = sum(simulation.rollout(SEED + run) is not None for run in range(WHOLE_RUNS))
    split = sum(
        simulation.split_found(SEED + run, 25, 25, 20_000, 40_000) is not None
        for run in range(WHOLE_RUNS)
    )
    return (
        ended <= ALPHA * WHOLE_RUNS and split <= 0.01 * WHOLE_RUNS,
        f"{ended} of {WHOLE_RUNS} healthy rollouts rolled back (at most {100 * ALPHA:g} %), "
        f"{split} of {WHOLE_RUNS} right splits called wrong (at most 1 %)",
    )


def rollback() -> Finding:
    """v2 at 25 % of 50 requests/s begins to fail a fifth of its requests."""
    medians = []
    for past in PASTS:
        found = [simulation.onset(SEED + run, past, 25, 0.2) for run in range(RUNS)]
        if any(math.isinf(one.seconds) for one in found):
            return False, f"never rolled back after {past:,} good answers"
        medians.append(statistics.median(one.bad for one in found))
    after = ", ".join(
        f"{bad:g} after {past:,} good ones" for past, bad in zip(PASTS, medians, strict=True)
    )
    return max(medians) <= MOST_BAD, f"bad answers until the rollback, median: {after}"


CLAIMS: dict[str, Callable[[], Finding]] = {
    "kill": kill,
    "canary": canary,
    "alarms": alarms,
    "rollback": rollback,
    "numbers": numbers,
}


def main() -> int:
    """The command line; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.claims",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all of them")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found there")
    given = parser.parse_args()
    if unknown := sorted({*given.names} - {*CLAIMS}):
        parser.error(f"no claim {', '.join(unknown)}: choose from {', '.join(CLAIMS)}")
    found: dict[str, Finding] = {}
    code = publish(lambda: _tried(given.names or list(CLAIMS), found), given.json)
    broken = [name for name, (held, _) in found.items() if not held]
    return code or (ExitCode.FAILED if broken else ExitCode.PASS)


def _tried(names: list[str], found: dict[str, Finding]) -> tuple[str, dict[str, object]]:
    for name in names:
        sys.stderr.write(f"bench: {name}\n")
        found[name] = CLAIMS[name]()
    rows = [[name, "holds" if held else "BROKEN", what] for name, (held, what) in found.items()]
    table = markdown_table(["claim", "", "found"], rows)
    return table, {name: {"holds": held, "found": what} for name, (held, what) in found.items()}


if __name__ == "__main__":
    enter_private_network("bench.claims")
    raise SystemExit(main())
