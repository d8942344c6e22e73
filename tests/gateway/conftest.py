"""A copy of the files that gateway.prepare reads, and gateway.prepare on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway import prepare
from gateway.exit_codes import ExitCode

ROOT = Path(__file__).parents[2]
Run = Callable[..., ExitCode]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    root = tmp_path / "clone"
    root.mkdir()
    for file in (".env", "process-compose.yaml"):
        shutil.copy(ROOT / file, root)
    shutil.copytree(ROOT / "nginx", root / "nginx", ignore=shutil.ignore_patterns("certs"))
    return root


@pytest.fixture
def run(copy: Path) -> Run:
    def _run(**environ: str) -> ExitCode:
        return prepare.main(["--root", str(copy)], environ)

    return _run
