"""Programs of unpacked Debian packages, and where their libraries are (scripts/unpacked.sh)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Says of each program what the file beside it says, and of a library whether its folder was
# given. It does not stop after the first of many lines, as a reader that has left would want.
LDD = """\
#!/bin/bash
while read -r library; do
  for folder in ${LD_LIBRARY_PATH//:/ } "$MACHINE"; do
    if [ -e "$folder/$library" ]; then echo "$library => $folder/$library"; continue 2; fi
  done
  echo "$library => not found"
done <"$1.libraries"
for ((i = 0; i < 20000; i++)); do echo "libc.so.6 => /lib/libc.so.6"; done
"""


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A .tools with one unpacked program, jq, which needs libjq.so.1 and libonig.so.5."""
    for folder in ("bin", "debian/usr/bin", "debian/usr/lib/arch", "machine", "path"):
        (tmp_path / folder).mkdir(parents=True)
    jq = tmp_path / "debian/usr/bin/jq"
    jq.write_text('#!/bin/sh\necho "${LD_LIBRARY_PATH:-none}"\n')
    jq.chmod(0o755)
    Path(f"{jq}.libraries").write_text("libjq.so.1\nlibonig.so.5\n")
    (tmp_path / "path/ldd").write_text(LDD)
    (tmp_path / "path/ldd").chmod(0o755)
    return tmp_path


def call(tools: Path, command: str) -> bool:
    """Whether `command` succeeds where bootstrap.sh would call it."""
    script = f"set -euo pipefail; TOOLS={tools} BIN={tools}/bin; . scripts/unpacked.sh; {command}"
    path = f"{tools}/path:/usr/bin:/bin"
    environ = {"PATH": path, "MACHINE": f"{tools}/machine"}
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert not done.stderr
    return done.returncode == 0


def used(tools: Path) -> str:
    """The folders that jq is started with."""
    return subprocess.run([tools / "bin/jq"], stdout=subprocess.PIPE, text=True, check=True).stdout


def test_what_was_unpacked_with_it_is_found(tools: Path) -> None:
    for library in ("libjq.so.1", "libonig.so.5"):
        (tools / "debian/usr/lib/arch" / library).touch()
    assert call(tools, "expose jq; all_load jq")
    assert used(tools) == f"{tools}/debian/usr/lib/arch\n"


def test_what_was_unpacked_goes_before_that_of_the_machine(tools: Path) -> None:
    (tools / "debian/usr/lib/arch/libjq.so.1").touch()
    for library in ("libjq.so.1", "libonig.so.5"):
        (tools / "machine" / library).touch()
    assert call(tools, "expose jq; all_load jq")
    assert used(tools) == f"{tools}/debian/usr/lib/arch\n"


def test_with_all_of_the_machine_it_is_a_link(tools: Path) -> None:
    for library in ("libjq.so.1", "libonig.so.5"):
        (tools / "machine" / library).touch()
    assert call(tools, "expose jq; all_load jq")
    assert used(tools) == "none\n"
    assert (tools / "bin/jq").readlink() == tools / "debian/usr/bin/jq"


@pytest.mark.parametrize("unpacked", [True, False])
def test_a_library_that_the_machine_has_no_more_is_noticed(tools: Path, unpacked: bool) -> None:
    if unpacked:
        (tools / "debian/usr/lib/arch/libjq.so.1").touch()
    for library in ("libjq.so.1", "libonig.so.5"):
        (tools / "machine" / library).touch()
    call(tools, "expose jq")
    (tools / "machine/libonig.so.5").unlink()
    assert not call(tools, "all_load jq")


def test_the_machine_s_own_program_is_not_looked_at(tools: Path) -> None:
    (tools / "bin/jq").symlink_to("/usr/bin/true")
    assert not call(tools, "exposed jq")
    assert call(tools, "all_load jq")


def test_what_was_not_unpacked_is_left_alone(tools: Path) -> None:
    assert call(tools, "expose wrk; all_load wrk")
    assert not (tools / "bin/wrk").exists()
