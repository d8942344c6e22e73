"""The commands and profiles of the Nix dev container, run by the real nix on the stand-in."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.nix.conftest import BUILD_SECONDS, Flake
from tests.nix.devcontainer_cli import CONTAINER_FOLDER, NIX, ROOT, vscode, written

FILE = written(NIX)
SETTINGS = vscode(FILE)["settings"]


@dataclass(frozen=True)
class Container:
    """The clone of the flake, with `nix` and `sudo` on PATH as the container has them."""

    flake: Flake
    environ: dict[str, str]
    gitconfig: Path

    def run(self, command: list[str], typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command in the clone."""
        return subprocess.run(
            command,
            cwd=self.flake.clone,
            env=self.environ,
            input=typed,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )


@pytest.fixture
def container(flake: Flake, tmp_path: Path) -> Container:
    gitconfig = tmp_path / "gitconfig"
    standin = shlex.join(flake.command()[1:])
    programs = {
        # The stand-in has no place on the command lines of the file.
        "nix": f'subcommand=$1; shift; exec {flake.program} "$subcommand" {standin} "$@"',
        # git writes to /etc/gitconfig of the container, not of this machine.
        "sudo": f'GIT_CONFIG_SYSTEM={gitconfig} exec "$@"',
    }
    for name, script in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    environ = flake.environ | {"PATH": f"{tmp_path}:{flake.environ['PATH']}"}
    return Container(flake, environ, gitconfig)


def test_the_commands_work(container: Container) -> None:
    clone = container.flake.clone
    if (ROOT / "var/models").is_dir():  # what is up to date is not trained again
        shutil.copytree(ROOT / "var/models", clone / "var/models", dirs_exist_ok=True)
    for key in ("onCreateCommand", "updateContentCommand"):
        command = FILE[key].replace(CONTAINER_FOLDER, str(clone))
        done = container.run(["sh", "-c", command])
        assert done.returncode == 0, done.stderr
    assert f"directory = {clone}" in container.gitconfig.read_text()
    setting = SETTINGS["python.defaultInterpreterPath"]
    interpreter = Path(setting.replace(CONTAINER_FOLDER, str(clone)))
    assert interpreter.parents[1].resolve().is_relative_to(container.flake.store)
    assert container.run([str(interpreter), "-c", "import textual"]).returncode == 0
    assert (clone / "var/models/v1/manifest.json").exists()


def test_a_terminal_is_the_shell_of_the_flake(container: Container) -> None:
    profile = SETTINGS["terminal.integrated.defaultProfile.linux"]
    shell = SETTINGS["terminal.integrated.profiles.linux"][profile]
    # In a terminal, as a person would use it: `script` makes one.
    line = shlex.join([shell["path"], *shell["args"]])
    where = container.flake.clone / "var/where"
    typed = f"command -v nginx > {where}; exit\n"
    done = container.run(["script", "--quiet", "--return", "--command", line, "/dev/null"], typed)
    assert done.returncode == 0, done.stdout
    assert where.read_text().startswith(f"{container.flake.store}{os.sep}")


def test_a_task_runs_in_the_shell_of_the_flake(container: Container) -> None:
    shell = SETTINGS["terminal.integrated.automationProfile.linux"]
    # How VS Code starts a task that is a command line.
    task = ["-c", "command -v nginx; echo $SWITCHYARD_TOOLS"]
    done = container.run([shell["path"], *shell["args"], *task])
    assert done.returncode == 0, done.stderr
    program, tools = done.stdout.splitlines()
    assert program.startswith(f"{container.flake.store}{os.sep}")
    assert tools == "nix"
