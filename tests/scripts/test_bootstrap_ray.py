"""scripts/bootstrap_ray.sh with a stand-in for uv: nothing is fetched."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = """\
#!/bin/sh
echo "$@" >>calls
case "$1" in
  venv) mkdir -p .tools/ray/bin ;;
  pip) echo "uv has a word" >&2; [ ! -e offline ] ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder that scripts/bootstrap.sh has set up, as far as this script looks."""
    for name in ("scripts/bootstrap_ray.sh", "scripts/patiently.sh"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, path)
    (tmp_path / "requirements-ray.lock").write_text("ray==2.60.0 \\\n    --hash=sha256:0\n")
    for folder in ("bin", "log"):
        (tmp_path / ".tools" / folder).mkdir(parents=True)
    write_python(tmp_path, "3.11.2")
    uv = tmp_path / ".tools/bin/uv"
    uv.write_text(UV)
    uv.chmod(0o755)
    return tmp_path


def write_python(clone: Path, version: str) -> None:
    """A stand-in for the one of .venv."""
    python = clone / ".venv/bin/python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(f"#!/bin/sh\necho /usr/bin/python3 {version}\n")
    python.chmod(0o755)


def bootstrap(clone: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    outside = {name: os.environ[name] for name in os.environ if name != "SWITCHYARD_TOOLS"}
    return subprocess.run(
        [clone / "scripts/bootstrap_ray.sh"],
        cwd="/",
        env={**outside, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def calls(clone: Path) -> list[str]:
    path = clone / "calls"
    return path.read_text().splitlines() if path.exists() else []


def test_in_the_nix_shell_it_says_so_and_does_nothing(clone: Path) -> None:
    done = bootstrap(clone, SWITCHYARD_TOOLS="nix")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "setup: Ray is no part of the Nix shell: leave it and use make start-ray on Debian or "
        "Ubuntu\n"
    )
    assert calls(clone) == []


def test_it_installs_by_the_hashes_into_a_folder_of_its_own_and_once(clone: Path) -> None:
    first = bootstrap(clone)
    assert (first.returncode, first.stdout) == (0, ""), first.stderr
    assert "setup: Ray 2.60.0 is in .tools/ray\n" in first.stderr
    venv, sync = calls(clone)
    assert venv.endswith("--python .venv/bin/python .tools/ray")
    assert "--require-hashes" in sync
    assert sync.endswith("--python .tools/ray/bin/python requirements-ray.lock")
    again = bootstrap(clone)
    assert (again.returncode, again.stderr) == (0, "")
    assert len(calls(clone)) == 2
    # Another lock is another Ray.
    (clone / "requirements-ray.lock").write_text("ray==2.61.0\n")
    assert bootstrap(clone).returncode == 0
    assert len(calls(clone)) == 4


def test_another_python_of_the_workspace_is_another_environment(clone: Path) -> None:
    assert bootstrap(clone).returncode == 0
    write_python(clone, "3.13.5")
    assert bootstrap(clone).returncode == 0
    assert len(calls(clone)) == 4
    assert bootstrap(clone).returncode == 0
    assert len(calls(clone)) == 4


def test_without_a_network_it_says_what_to_do_and_is_not_trusted_afterwards(clone: Path) -> None:
    (clone / "offline").touch()
    failed = bootstrap(clone)
    assert failed.returncode == 1
    assert failed.stderr.endswith(
        "setup: uv could not fetch Ray (log: .tools/log/ray.log): connect this machine to the "
        "network and run this again\n"
    )
    assert "uv has a word" in (clone / ".tools/log/ray.log").read_text()
    (clone / "offline").unlink()
    assert bootstrap(clone).returncode == 0
    assert len(calls(clone)) == 4


def test_that_it_takes_long_is_said_to_the_person_not_to_the_log(clone: Path) -> None:
    """Every 15 s; here the line is asked for."""
    patiently = clone / "scripts/patiently.sh"
    patiently.write_text(patiently.read_text() + 'heartbeat() { say "still $1"; }\n')
    done = bootstrap(clone)
    assert "setup: still fetching Ray\n" in done.stderr
    assert "still" not in (clone / ".tools/log/ray.log").read_text()
