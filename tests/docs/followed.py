"""A page of the documentation, followed to the letter in a copy of the workspace.

Files are written, edits applied and commands run in the order of the page:

    ```console         lines that begin with "$ " are typed
    ```diff            an edit: `+++ file`, then parts after `@@`, without line numbers
    ```python my.py    a file with that name, whatever its kind
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

BLOCK = re.compile(r"^```(?P<kind>\w+)(?: (?P<file>\S+))?\n(?P<body>.*?)^```$", re.M | re.S)
LEFT_BEHIND = {".git", ".venv", ".tools", "var", "certs"}
Done = subprocess.CompletedProcess[str]


def section(page: str, heading: str) -> str:
    """What is below a heading, to the next one of the same level or a higher one."""
    level = heading.index(" ")
    below = page.partition(f"\n{heading}\n")[2]
    assert below, f"there is no {heading!r}"
    return re.split(rf"^#{{1,{level}}} ", below, maxsplit=1, flags=re.MULTILINE)[0]


def edits(page: str) -> list[tuple[str, str, str]]:
    """Every part of every diff of the page: the file, the lines before, the lines after."""
    found = []
    for block in BLOCK.finditer(page):
        if block["kind"] == "diff":
            head, *parts = block["body"].split("@@\n")
            name = head.splitlines()[1].removeprefix("+++ ")
            for part in parts:
                lines = part.splitlines(keepends=True)
                before = "".join(line[1:] or "\n" for line in lines if line[0] in " -\n")
                after = "".join(line[1:] or "\n" for line in lines if line[0] in " +\n")
                found.append((name, before, after))
    return found


def apply(root: Path, edit: tuple[str, str, str]) -> None:
    """Do one edit; it must fit in exactly one place."""
    name, before, after = edit
    text = (root / name).read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{name} has not exactly one\n{before}"
    (root / name).write_text(text.replace(before, after), encoding="utf-8")


class Copy:
    """A copy of this folder, and what happened in it."""

    def __init__(
        self, root: Path, enter: Sequence[str] = (), environ: dict[str, str] | None = None
    ) -> None:
        """`enter`: the words that lead to where its commands run, if not here."""
        self.root = root
        self.done: list[tuple[str, Done]] = []
        self.edited: list[str] = []
        """The file of each edit."""
        self._enter = enter
        self._environ = environ or {}

    def run(self, command: str) -> Done:
        """A command as a reader would type it, in the copy."""
        return subprocess.run(
            [*self._enter, "bash", "-o", "pipefail", "-c", command],
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8", **self._environ},
        )

    def type(self, command: str) -> None:
        """Run a command of the page and keep what it came to."""
        self.done.append((command, self.run(command)))

    def edit(self, block: str) -> None:
        """Apply the diffs of a block, or of more."""
        for edit in edits(block):
            apply(self.root, edit)
            self.edited.append(edit[0])

    def follow(self, page: str) -> None:
        """Do what the blocks of the page say, in their order."""
        for block in BLOCK.finditer(page):
            if block["kind"] == "console":
                for line in block["body"].splitlines():
                    if line.startswith("$ "):
                        self.type(line.removeprefix("$ "))
            elif block["kind"] == "diff":
                self.edit(block[0])
            elif block["file"]:
                (self.root / block["file"]).write_text(block["body"], encoding="utf-8")

    def of(self, command: str) -> list[Done]:
        """What each run of a command came to."""
        return [done for line, done in self.done if line == command]

    @property
    def failed(self) -> str:
        """Every command that ended with another code than 0, and what it said."""
        return "\n".join(f"{c}\n{done.stdout}{done.stderr}" for c, done in self.done
                         if done.returncode)  # fmt: skip


@contextmanager
def copied(name: str) -> Iterator[Path]:
    """A copy of this folder without git, with the tools of this one. Removed whatever happens."""
    # Short: the address of a unix socket has at most 107 bytes. Open: nginx workers get in.
    folder = Path("/tmp") / f"sy-{name}-{os.getpid()}"  # noqa: S108 - a folder of its own
    shutil.copytree(".", folder, symlinks=True, ignore=lambda _, names: LEFT_BEHIND & set(names))
    try:
        for shared in (".venv", ".tools"):
            (folder / shared).symlink_to(Path(shared).resolve())
        # These two are what it fills; it must not fill them for another folder.
        (folder / "scripts/bootstrap.sh").write_text("#!/bin/sh\n")
        (folder / "var/run").mkdir(parents=True)
        yield folder
    finally:
        shutil.rmtree(folder)


def give_models(folder: Path) -> None:
    """Models and data to a copy; trained once for all tests of this clone, if not already."""
    train = [sys.executable, "-m", "services.gen_model", "--if-needed"]
    subprocess.run(train, check=True, capture_output=True)
    for trained in ("models", "data"):
        shutil.copytree(Path("var") / trained, folder / "var" / trained)


@contextmanager
def followed(page: str, name: str) -> Iterator[Copy]:
    """The copy after the whole page. Stopped and removed whatever happens."""
    with copied(name) as folder:
        give_models(folder)
        copy = Copy(folder)
        try:
            copy.follow(page)
            yield copy
        finally:
            copy.run("make stop-project")
