"""The claims of the README as a row of the test matrix; by hand: `python -m bench.claims`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.junit import Counts

ROOT = Path(__file__).resolve().parent.parent
# A command, because nothing here imports bench.
COMMAND = (sys.executable, "-m", "bench.claims")
CLAIMS = 5


def run(command: Sequence[str] = COMMAND) -> Counts:
    """Try them and print the table; each claim is one check."""
    subprocess.run(["scripts/bootstrap.sh", "jq"], cwd=ROOT, check=True)
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    sys.stdout.write(done.stdout)
    held = done.stdout.count("| holds ")
    if done.returncode == 0 and held == CLAIMS:
        return held, 0, ""
    return held, max(CLAIMS - held, 1), f"bench.claims ended with {done.returncode}, see above"
