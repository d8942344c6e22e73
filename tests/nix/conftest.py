"""Our flake with the stand-in for nixpkgs, run by the real nix in a store of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path

import pytest

from scripts.fresh_clone import corpora, fresh_clone, outside_environ
from scripts.stack import search_path

ROOT = Path(__file__).parents[2]
# Builds without a sandbox and asks nobody: everything comes from this machine.
CONFIGURATION = """\
experimental-features = nix-command flakes
sandbox = false
build-users-group =
substituters =
flake-registry =
"""
BUILD_SECONDS = 900
# Neither is in every channel; with one of each, both ways of our flake are seen.
CHANNEL_LACKS = {"import-linter"}


@dataclass(frozen=True)
class Flake:
    """A clone with the stand-in as its nixpkgs, and the nix that works on it."""

    clone: Path
    program: str
    environ: dict[str, str] = field(repr=False)

    @property
    def store(self) -> Path:
        """Where everything that it built is."""
        return Path(self.environ["NIX_STORE_DIR"])

    def changed(self, name: str, old: str, new: str) -> Path:
        """A copy of the clone called `name` whose flake.nix says `new` where it said `old`."""
        copy = self.clone.parent / name
        shutil.copytree(self.clone, copy, symlinks=True)
        written = (copy / "flake.nix").read_text()
        assert written.count(old) == 1
        (copy / "flake.nix").write_text(written.replace(old, new))
        return copy

    def command(self, *arguments: str) -> list[str]:
        """`nix ARGUMENT...` on the stand-in; everything after `--` or `-c` stays last."""
        split = next((i for i, a in enumerate(arguments) if a in ("--", "-c")), len(arguments))
        standin = f"path:{self.clone.parent}/standin"
        options = ["--offline", "--no-write-lock-file", "--override-input", "nixpkgs", standin]
        return [self.program, *arguments[:split], *options, *arguments[split:]]

    def run(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run `nix ARGUMENT...` in the clone or in another folder, with the stand-in."""
        return self.call(self.command(*arguments), cwd)

    def call(self, command: list[str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command there as a person would who has nix and nothing of ours."""
        return subprocess.run(
            command,
            cwd=cwd or self.clone,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
            check=False,
        )


@pytest.fixture(scope="session")
def nix() -> str:
    """The program. Without it one line says what was not covered; in CI that is a failure."""
    found = shutil.which("nix", path=search_path(ROOT))
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("nix is missing: scripts/bootstrap.sh nix")
        pytest.skip("not covered: nix (scripts/bootstrap.sh nix brings it on Debian and Ubuntu)")
    return found


@pytest.fixture(scope="session")
def flake(nix: str) -> Iterator[Flake]:
    """The flake of a fresh clone; what one test built, the next one finds."""
    with fresh_clone(ROOT) as clone:
        folder = clone.parent
        # A flake is what git tracks.
        for arguments in (["init", "--quiet"], ["add", "--all"]):
            subprocess.run(["git", *arguments], cwd=clone, check=True)
        _write_standin(folder / "standin")
        yield Flake(clone, nix, _environ(folder))
        # Nix makes what it builds read-only, folders too.
        for path in [folder, *folder.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)


def _write_standin(target: Path) -> None:
    shutil.copytree(ROOT / "tests/nix/standin", target)
    installed = {entry.metadata["Name"].lower().replace("_", "-") for entry in distributions()}
    facts = {
        "bash": shutil.which("bash"),
        "python": sys.executable,
        "path": f"{search_path(ROOT)}:/usr/sbin",
        "corpora": str(corpora(ROOT)),
        "pythonPackages": sorted(installed - CHANNEL_LACKS),
    }
    (target / "host.json").write_text(json.dumps(facts))


def _environ(folder: Path) -> dict[str, str]:
    """Of a person who has nix and nothing of ours, with a store that is removed afterwards."""
    outside = outside_environ(ROOT)
    kept = {key: outside[key] for key in ("PATH", "LANG", "LC_ALL", "TERM") if key in outside}
    return kept | {
        "HOME": str(folder / "home"),
        "NIX_STORE_DIR": str(folder / "nix/store"),
        "NIX_STATE_DIR": str(folder / "nix/state"),
        "NIX_LOG_DIR": str(folder / "nix/log"),
        "NIX_CONF_DIR": str(folder / "nix/conf"),
        "NIX_CONFIG": CONFIGURATION,
    }
