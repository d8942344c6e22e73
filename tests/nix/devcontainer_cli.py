"""The dev container files: as they are written, and as the devcontainers CLI reads them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scripts import private_network

ROOT = Path(__file__).parents[2]
NIX = ".devcontainer/devcontainer.json"
DEBIAN = ".devcontainer/debian/devcontainer.json"
CONTAINER_FOLDER = "${containerWorkspaceFolder}"
"""How the files name the clone inside the container."""
_COMMENT_LINE = re.compile(r"^\s*//.*$", re.MULTILINE)
_BRING_SECONDS = 300
_READ_SECONDS = 60

Config = dict[str, Any]


def written(file: str, root: Path = ROOT) -> Config:
    """The content of a dev container file, whose comments have lines of their own."""
    text = (root / file).read_text(encoding="utf-8")
    content: Config = json.loads(_COMMENT_LINE.sub("", text))
    return content


def vscode(config: Config) -> Config:
    """The part of a file that only VS Code reads."""
    part: Config = config["customizations"]["vscode"]
    return part


def bring() -> Path:
    """The program; nothing is fetched where it is in place.

    Without npm, or without the network, one line says what was not covered; in CI that fails.
    """
    done = subprocess.run(
        [ROOT / "scripts/devcontainer_cli.sh"],
        capture_output=True,
        text=True,
        timeout=_BRING_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        if os.environ.get("CI") == "true":
            pytest.fail(done.stderr)
        pytest.skip(f"not covered: {done.stderr.strip()}")
    return ROOT / ".tools/bin/devcontainer"


def read(program: Path, file: str) -> Config:
    """What the CLI makes of a file, as it would before it makes a container.

    It asks Docker which containers there are: `true` in its place says that there are none.
    Runs without a network where the machine allows that, so it cannot depend on one.
    """
    command = [*(private_network.prefix() or []), str(program), "read-configuration"]
    where = ["--workspace-folder", str(ROOT), "--config", str(ROOT / file)]
    done = subprocess.run(
        [*command, *where, "--docker-path", "true"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_READ_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed: Config = json.loads(done.stdout)
    return printed
