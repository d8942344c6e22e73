"""Generated requests by the thousand: `python -m scripts.thousands`.

The same tests as in `make test`, which tries some hundreds: the services against their own
OpenAPI documents, and headers that no client sends against the gateway. Fixed seeds.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts import junit
from scripts.junit import Counts
from scripts.stack import search_path
from scripts.test import REPORTS

ROOT = Path(__file__).resolve().parent.parent
CASES = 2_000
"""Of each operation of a service, and of the headers."""
VARIABLE = "SWITCHYARD_CASES"
TESTS = ("tests/contract", "tests/security/test_strange_headers.py")


def run(report: Path, tests: Sequence[str] = TESTS) -> Counts:
    """Run the tests with so many cases; `report` is replaced by that of this run."""
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)  # an old one would pass for the result of this run
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *tests]
    environ = {**os.environ, VARIABLE: str(CASES)}
    code = subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode
    return junit.counts(report, code)


def main() -> int:
    """Run them and report."""
    os.environ["PATH"] = search_path(ROOT)
    return junit.report(run(REPORTS / "matrix/thousands/contract.xml"), f"{CASES} cases each: ")


if __name__ == "__main__":
    raise SystemExit(main())
