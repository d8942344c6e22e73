"""`make test-matrix`: what is too long or too much for `make test`.

    python -m scripts.matrix

lowest          unit and contract layers: the Python that runs this, and the oldest releases
                that the floors allow
second-python   the same: the newest other Python of this machine, the locked releases, the
                newest pytest
current-nginx   the nginx layer on a current nginx (scripts/second_nginx.py)
current-promtool
                rules and configuration of Prometheus on a 3.x (scripts/second_prometheus.py)
thousands       generated requests to the services and the gateway (scripts/thousands.py)
fuzz            every reader of files and bodies, guided by coverage (scripts/fuzzing.py)
simulations     the table of docs/statistics.md at full size (scripts/simulations.py)
claims          what the README claims on its first screen (bench/claims.py)
flake           the unit layer as a check of the flake, by a real nix
benchmarks      every command of docs/benchmarks.md, short (scripts/benchmarked.py)

The first two and fuzz have environments of their own in .tools/matrix/, made anew when Python
or the requirements have changed. Reports go to var/test/matrix/. The exit code is 1 when
anything failed; a second Python that is not there is a failure with CI=true, else a line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gateway.exit_codes import ExitCode
from scripts import (
    benchmarked,
    claimed,
    fuzzing,
    interpreters,
    nix_shell,
    second_nginx,
    second_prometheus,
    simulations,
    test,
    thousands,
)
from scripts.junit import Counts
from scripts.matrix_rows import LOCK, ROOT, NotBuilt, Row, build, lowest, second_python
from scripts.stack import search_path

LAYERS = (test.unit, test.contract)
SHOWN = (
    *("starlette", "fastapi", "pydantic", "uvicorn"),
    *("textual", "scikit-learn", "numpy", "pytest"),
)
NO_SECOND = (
    "not covered: a second Python (install python3.12 or newer, by your package manager or pyenv)"
)
_VERSIONS = (
    "import importlib.metadata, json, sys; "
    "print(json.dumps({name: importlib.metadata.version(name) for name in sys.argv[1:]}))"
)
_SYSTEM_CA = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True, slots=True)
class Line:
    """What one layer came to in one row."""

    row: str
    result: test.Result


def main() -> int:
    """Run every row and report."""
    if nix_shell.entered():
        sys.stderr.write("matrix: run this outside the Nix shell, it brings packages of its own\n")
        return ExitCode.USAGE
    os.chdir(ROOT)
    os.environ["PATH"] = search_path(ROOT)
    # As in scripts/bootstrap.sh: interpreters come from the machine, and uv asks for a
    # certificate authority of the network's own only when it is told where that is.
    os.environ["UV_PYTHON_DOWNLOADS"] = "never"
    if os.access(_SYSTEM_CA, os.R_OK):
        os.environ.setdefault("SSL_CERT_FILE", str(_SYSTEM_CA))
    rows, missing = _rows()
    lines: list[Line] = []
    versions: list[str] = []
    for row in rows:
        try:
            versions.append(_prepared(row))
        except NotBuilt as error:
            lines.append(Line(row.name, test.Result("set-up", 0, 1, 0.0, str(error))))
        else:
            lines += _run(row)
    if missing and os.environ.get("CI") == "true":
        lines.append(Line("second-python", test.Result("set-up", 0, 1, 0.0, missing)))
        missing = ""
    for row_of in (_current_nginx, _current_promtool):
        line, version = row_of()
        lines.append(line)
        versions.append(version)
    report = test.REPORTS / "matrix/thousands/contract.xml"
    lines.append(_timed("thousands", "contract", partial(thousands.run, report)))
    lines.append(_fuzz())
    lines.append(_timed("simulations", "rollout", simulations.run))
    lines.append(_timed("claims", "bench", claimed.run))
    lines.append(_timed("flake", "unit", test.flake_unit))
    lines.append(_timed("benchmarks", "docs", benchmarked.run))
    sys.stdout.write(summary(lines, [*versions, missing]))
    return ExitCode.FAILED if any(line.result.failed for line in lines) else ExitCode.PASS


def summary(lines: list[Line], notes: list[str]) -> str:
    """One line for each row and layer, then the notes that are not empty."""
    table = ["", f"{'row':<18}{'layer':<10}{'passed':>8}{'failed':>8}{'seconds':>9}"]
    for line in lines:
        of = line.result
        cells = f"{line.row:<18}{of.layer:<10}{of.passed:>8}{of.failed:>8}{of.seconds:>9.1f}"
        table.append(f"{cells}  {of.note}".rstrip())
    passed = sum(line.result.passed for line in lines)
    failed = sum(line.result.failed for line in lines)
    return "\n".join([*table, "", *filter(None, notes), f"{passed} passed, {failed} failed", ""])


def _rows() -> tuple[list[Row], str]:
    """The rows that this machine can run, and what is not covered."""
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    # Behind the virtual environment: the matrix must outlive a .venv that is made anew.
    base = Path(sys._base_executable)  # type: ignore[attr-defined]
    ours = interpreters.Interpreter(sys.version_info[:3], base)
    rows = [lowest(ours, pyproject)]
    programs = interpreters.candidates(os.environ["PATH"], Path.home())
    second = interpreters.second(ours, filter(None, map(interpreters.asked, programs)))
    if second is None:
        return rows, NO_SECOND
    return [*rows, second_python(second, pyproject, LOCK.read_text(encoding="utf-8"))], ""


def _prepared(row: Row) -> str:
    """Make the environment of `row` and say what is in it. Raises NotBuilt."""
    begun = time.monotonic()
    if build(row):
        sys.stderr.write(f"matrix: {row.name} set up in {time.monotonic() - begun:.1f} s\n")
    answer = subprocess.run(
        [str(row.program), "-c", _VERSIONS, *SHOWN], capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        raise NotBuilt(f"{row.folder.relative_to(ROOT)} is damaged: remove it and run this again")
    found: dict[str, str] = json.loads(answer.stdout)
    packages = ", ".join(f"{name} {found[name]}" for name in SHOWN)
    return f"{row.name}: Python {row.python}, {packages}"


def _run(row: Row) -> list[Line]:
    reports = test.REPORTS / "matrix" / row.name
    reports.mkdir(parents=True, exist_ok=True)
    before = os.environ["PATH"]
    # What a test starts by name is of this row as well.
    os.environ["PATH"] = os.pathsep.join([str(row.program.parent), before])
    lines = []
    try:
        for layer in LAYERS:
            run = partial(layer, python=row.program, reports=reports)
            lines.append(_timed(row.name, layer.__name__, run))
    finally:
        os.environ["PATH"] = before
    return lines


def _current_nginx() -> tuple[Line, str]:
    """What the tests came to there, and which nginx it was."""
    name = "current-nginx"
    try:
        programs = second_nginx.install()
    except second_nginx.NotInstalled as error:
        return Line(name, test.Result("set-up", 0, 1, 0.0, str(error))), ""
    run = partial(second_nginx.run, programs, test.REPORTS / "matrix" / name / "nginx.xml")
    return _timed(name, "nginx", run), f"{name}: {second_nginx.described(programs)}"


def _current_promtool() -> tuple[Line, str]:
    name = "current-promtool"
    try:
        programs = second_prometheus.install()
    except second_prometheus.NotInstalled as error:
        return Line(name, test.Result("set-up", 0, 1, 0.0, str(error))), ""
    run = partial(second_prometheus.run, programs, test.REPORTS / "matrix" / name / "config.xml")
    return _timed(name, "config", run), f"{name}: promtool {second_prometheus.VERSION}"


def _fuzz() -> Line:
    try:
        return _timed("fuzz", "readers", fuzzing.run)
    except NotBuilt as error:
        return Line("fuzz", test.Result("set-up", 0, 1, 0.0, str(error)))


def _timed(row: str, layer: str, run: Callable[[], Counts]) -> Line:
    sys.stdout.write(f"== {row} {layer}\n")
    sys.stdout.flush()
    begun = time.monotonic()
    passed, failed, note = run()
    return Line(row, test.Result(layer, passed, failed, time.monotonic() - begun, note))


if __name__ == "__main__":
    try:
        code = main()
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    raise SystemExit(code)
