"""What a person types, `python -m ...`, in a workspace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from scripts.stack import search_path

TIMEOUT_S = 120.0


def run_module(
    root: Path, *words: str, timeout_s: float = TIMEOUT_S
) -> subprocess.CompletedProcess[str]:
    """`python -m WORDS` in the folder `root` with its tools, and nobody at the terminal."""
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=root,
        env={**os.environ, "PATH": search_path(root)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
