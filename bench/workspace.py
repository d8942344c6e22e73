"""A whole workspace of its own, started and stopped as a person does it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.cli import ROOT
from bench.errors import BenchError
from scripts.fresh_clone import copy_models, fresh_clone
from scripts.stack import search_path


@contextmanager
def copied() -> Iterator[Path]:
    """A copy of what is committed here, with the models: `running` can start it."""
    with fresh_clone(ROOT) as clone:
        # There is no network to fetch the corpora from.
        copy_models(ROOT, clone)
        yield clone


@contextmanager
def running(clone: Path) -> Iterator[None]:
    """The workspace in `clone` answers. Raises BenchError where it does not start."""
    command(clone, "scripts.start_project")
    try:
        yield
    finally:
        command(clone, "scripts.stop_project")


def command(clone: Path, *words: str) -> str:
    """`python -m WORDS` in there: what it prints. Raises BenchError where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=clone,
        env={**os.environ, "PATH": search_path(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"{' '.join(words)} failed: {done.stderr.strip()}")
    return done.stdout
