"""The files of Prometheus on a current promtool: `python -m scripts.second_prometheus`.

The build is that of the Go module proxy, in .tools/matrix/prometheus, without the ways to discover
targets that need a cloud: nothing here uses one, and one of them cannot be fetched. The exit code
is 1 when a test failed, 2 when that promtool cannot be had; arguments go to pytest. The report is
var/test/matrix/current-promtool/config.xml.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.exit_codes import ExitCode
from scripts import junit
from scripts.junit import Counts
from scripts.stack import search_path
from scripts.test import REPORTS

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".tools/matrix/prometheus"
VERSION = "3.16.0"
MODULE = "github.com/prometheus/prometheus/cmd/promtool"
MODULE_VERSION = "v0.316.0"
"""Of the Go module: 3.16 is v0.316."""
TESTS = (
    "tests/config/test_prometheus.py",
    "tests/config/test_rules.py",
    "tests/config/test_grafana.py",
)
GO = ROOT / ".tools/go/go/bin/go"
"""Where scripts/bootstrap.sh unpacks one if there is none on PATH."""


class NotInstalled(Exception):
    """That promtool cannot be had here; the text says why."""


def install() -> Path:
    """The folder with that promtool, built unless it is there. Raises NotInstalled."""
    programs = FOLDER / VERSION
    if not (programs / "promtool").exists():
        go = shutil.which("go") or (str(GO) if GO.exists() else None)
        if go is None:
            raise NotInstalled("no go on PATH: install Go 1.26 or newer, by your package manager")
        programs.mkdir(parents=True, exist_ok=True)
        sys.stderr.write(f"matrix: building promtool {VERSION} (minutes, once)\n")
        environ = {
            **os.environ,
            "GOBIN": str(programs),
            "CGO_ENABLED": "0",
            "GOFLAGS": "-modcacherw",
        }
        command = [
            go,
            "install",
            "-trimpath",
            "-tags",
            "remove_all_sd",
            f"{MODULE}@{MODULE_VERSION}",
        ]
        try:
            subprocess.run(command, check=True, env=environ)
        except (OSError, subprocess.CalledProcessError) as error:
            raise NotInstalled(f"promtool {VERSION} could not be built: {error}") from None
    return programs


def run(programs: Path, report: Path, arguments: Sequence[str] = ()) -> Counts:
    """Run the tests with the promtool in `programs`; `report` is replaced by that of this run."""
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)  # an old one would pass for the result of this run
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *TESTS, *arguments]
    environ = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    return junit.counts(
        report, subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode
    )


def main(arguments: Sequence[str] = ()) -> int:
    """Run the tests and report."""
    os.environ["PATH"] = search_path(ROOT)
    try:
        programs = install()
    except NotInstalled as error:
        sys.stderr.write(f"second-prometheus: {error}\n")
        return ExitCode.USAGE
    found = run(programs, REPORTS / "matrix/current-promtool/config.xml", arguments)
    return junit.report(found, f"promtool {VERSION}: ")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
