"""Fuzzing guided by coverage, of everything that reads a file or a body from outside.

    python -m scripts.fuzzing [TARGET...] [--seconds N] [--seed S]

The targets are those of tests/fuzz/targets.py; without a name all of them. atheris has an
environment of its own in .tools/matrix/fuzz. Each target is one check, which fails when it lets
through an exception that its reader does not document, or takes too long; the input is then in
var/test/fuzz/TARGET/, and the whole output in var/test/matrix/fuzz/TARGET.txt.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.exit_codes import ExitCode
from scripts.interpreters import Interpreter
from scripts.junit import Counts
from scripts.matrix_rows import LOCK, ROOT, NotBuilt, Row, build, pins, wanted
from scripts.stack import search_path
from scripts.test import REPORTS

SECONDS = 20
"""Of each target in the matrix."""
SEED = 1
ATHERIS = "atheris>=3.0"
NAMES = (
    *("access-log", "shadow-log", "nginx", "processes", "scrape-targets", "workload", "corpus"),
    *("policy", "settings", "htpasswd", "recording", "decisions", "status", "canary"),
    *("commands", "bodies"),
)
"""As in tests/fuzz/targets.py, which needs atheris to be of use; a test compares them."""
_GRACE_S = 120
"""Longer than that after its time a fuzzer hangs."""
_RUNS = re.compile(r"stat::number_of_executed_units:\s+(\d+)")
_COVERAGE = re.compile(r"\bcov: (\d+) ft: (\d+)")


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """What one target came to."""

    name: str
    runs: int
    """Inputs tried."""
    branches: int
    """Places in the code that were reached, as libFuzzer counts them (cov)."""
    failed: bool

    def __str__(self) -> str:
        word = "FAILED" if self.failed else "passed"
        return f"{self.name:<16}{word:<8}{self.runs:>9} inputs{self.branches:>7} places"


def row() -> Row:
    """The environment: this Python, the locked releases, and atheris."""
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    base = Path(sys._base_executable)  # type: ignore[attr-defined]
    python = Interpreter(sys.version_info[:3], base)
    requirements = (*wanted(pyproject), ATHERIS)
    return Row("fuzz", python, "highest", requirements, tuple(pins(LOCK.read_text())))


def run(names: Sequence[str] = NAMES, seconds: int = SECONDS, seed: int = SEED) -> Counts:
    """Fuzz one target after the other. Raises NotBuilt where atheris cannot be had."""
    of = row()
    build(of)
    results = []
    for name in names:
        results.append(fuzz(of.program, name, seconds, seed))
        sys.stdout.write(f"{results[-1]}\n")
        sys.stdout.flush()
    failed = sum(result.failed for result in results)
    return len(results) - failed, failed, f"{sum(result.runs for result in results)} inputs"


def fuzz(program: Path, name: str, seconds: int, seed: int) -> Fuzzed:
    """Fuzz one target with the interpreter `program`."""
    report = REPORTS / "matrix/fuzz" / f"{name}.txt"
    report.parent.mkdir(parents=True, exist_ok=True)
    command = [str(program), "-m", "tests.fuzz", name, f"--seconds={seconds}", f"--seed={seed}"]
    environ = {**os.environ, "PYTHONHASHSEED": "0"}
    with report.open("wb") as output:
        try:
            code = subprocess.run(
                command,
                cwd=ROOT,
                env=environ,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=seconds + _GRACE_S,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = -1
    text = report.read_text(errors="replace")
    runs, coverage = _RUNS.search(text), _COVERAGE.findall(text)
    tried = int(runs[1]) if runs else 0
    # A fuzzer that tried nothing has found nothing, whatever it says.
    failed = code != 0 or tried == 0
    if failed:
        sys.stdout.write("\n".join(text.splitlines()[-30:]) + f"\n{name}: see {report}\n")
    return Fuzzed(name, tried, int(coverage[-1][0]) if coverage else 0, failed)


def main(words: Sequence[str]) -> int:
    """Fuzz and report."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.fuzzing", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "names", nargs="*", metavar="TARGET", help=f"of {', '.join(NAMES)} (default: all of them)"
    )
    parser.add_argument(
        "--seconds", type=int, default=SECONDS, metavar="N", help="of each (default: %(default)d)"
    )
    parser.add_argument(
        "--seed", type=int, default=SEED, metavar="N", help="of the inputs (default: %(default)d)"
    )
    given = parser.parse_args(words)
    if unknown := [name for name in given.names if name not in NAMES]:
        parser.error(f"no target {unknown[0]!r}; there are {', '.join(NAMES)}")
    os.environ["PATH"] = search_path(ROOT)
    try:
        passed, failed, note = run(given.names or NAMES, given.seconds, given.seed)
    except NotBuilt as error:
        sys.stderr.write(f"fuzzing: {error}\n")
        return ExitCode.USAGE
    sys.stdout.write(f"{note}: {passed} passed, {failed} failed\n")
    return ExitCode.FAILED if failed else ExitCode.PASS


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
