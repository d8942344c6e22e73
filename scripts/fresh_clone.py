"""A copy of this folder as a new user would have it: the files git knows, nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def fresh_clone(source: Path, owner: int | None = None) -> Iterator[Path]:
    """A temporary clone of the work tree at `source`, removed afterwards.

    Holds uncommitted changes too, but no ignored file. The path is short, since the
    address of a unix socket is limited to 107 bytes. `owner` (a uid) gets all of it.
    """
    folder = Path(tempfile.mkdtemp(prefix="sy-", dir="/tmp"))
    folder.chmod(0o755)  # nginx workers have to get in
    try:
        clone = folder / "clone"
        copy_tracked(source, clone)
        if owner is not None:
            for path in [folder, *folder.rglob("*")]:
                os.chown(path, owner, -1, follow_symlinks=False)
        yield clone
    finally:
        shutil.rmtree(folder)


def copy_tracked(source: Path, target: Path) -> None:
    """Copy what git tracks or would add below `source` to `target`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=source,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    for name in listed.decode().split("\0"):
        path = source / name
        if name and path.exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target / name, follow_symlinks=False)


def copy_models(source: Path, target: Path) -> None:
    """Give the clone at `target` the models of `source`, and the texts they are measured on."""
    shutil.copytree(source / "var/models", target / "var/models")
    (target / "var/data").mkdir(exist_ok=True)
    shutil.copy2(source / "var/data/held-out.csv", target / "var/data")


def outside_environ(root: Path) -> dict[str, str]:
    """The environment as another clone should see it: without the folders of the one at `root`."""
    own = {str(root / ".tools/bin"), str(root / ".venv/bin")}
    path = [part for part in os.environ["PATH"].split(os.pathsep) if part not in own]
    return {**os.environ, "PATH": os.pathsep.join(path)}


def corpora(root: Path) -> Path:
    """Where the clone at `root` has its corpora, so that one without a network can train."""
    return Path(os.environ.get("SENTIMENT_DATA_DIR") or root / "var/data/archives").resolve()
