"""docs/bring-your-own.md, followed to the letter in a copy of the workspace.

Files are written, edits applied and commands run in the order of the page.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PAGE = Path("docs/bring-your-own.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(?P<kind>\w+)(?: (?P<file>\S+))?\n(?P<body>.*?)^```$", re.M | re.S)
EDITED = (
    "process-compose.yaml",
    "workload.yaml",
    "nginx/conf.d/servers.conf",
    "nginx/snippets/predict.conf",
)
LEFT_BEHIND = {".git", ".venv", ".tools", "var", "certs"}
Done = subprocess.CompletedProcess[str]


class Copy:
    """A copy of this folder, and what happened in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.done: list[tuple[str, Done]] = []
        self.edits: dict[str, int] = {}

    def run(self, command: str) -> Done:
        """A command as a reader would type it, in the copy."""
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )

    def follow(self, page: str) -> None:
        """Do what the blocks of the page say, in their order."""
        for block in BLOCK.finditer(page):
            if block["kind"] == "console":
                for line in block["body"].splitlines():
                    command = line.removeprefix("$ ")
                    self.done.append((command, self.run(command)))
            elif block["kind"] == "diff":
                self.edit(block["body"])
            elif block["file"]:
                (self.root / block["file"]).write_text(block["body"], encoding="utf-8")

    def edit(self, diff: str) -> None:
        """Apply a diff without line numbers; each part must fit in exactly one place."""
        head, *parts = diff.split("@@\n")
        name = head.splitlines()[1].removeprefix("+++ ")
        text = (self.root / name).read_text(encoding="utf-8")
        for part in parts:
            lines = part.splitlines(keepends=True)
            before = "".join(line[1:] or "\n" for line in lines if line[0] in " -")
            after = "".join(line[1:] or "\n" for line in lines if line[0] in " +")
            assert text.count(before) == 1, f"{name} has not exactly one\n{before}"
            text = text.replace(before, after)
        (self.root / name).write_text(text, encoding="utf-8")
        self.edits[name] = self.edits.get(name, 0) + len(parts)

    def of(self, command: str) -> list[Done]:
        """What each run of a command came to."""
        return [done for line, done in self.done if line == command]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """The copy, after the whole page. Stopped and removed whatever happens."""
    # Short: the address of a unix socket has at most 107 bytes. Open: nginx workers get in.
    folder = Path("/tmp") / f"sy-own-{os.getpid()}"  # noqa: S108 - a folder of its own
    shutil.copytree(".", folder, symlinks=True, ignore=lambda _, names: LEFT_BEHIND & set(names))
    try:
        for shared in (".venv", ".tools"):
            (folder / shared).symlink_to(Path(shared).resolve())
        # These two are what it fills; it must not fill them for another folder.
        (folder / "scripts/bootstrap.sh").write_text("#!/bin/sh\n")
        (folder / "var/run").mkdir(parents=True)
        # Trained once for all tests of this clone, if not already.
        train = [sys.executable, "-m", "services.gen_model", "--if-needed"]
        subprocess.run(train, check=True, capture_output=True)
        for trained in ("models", "data"):
            shutil.copytree(Path("var") / trained, folder / "var" / trained)
        found = Copy(folder)
        try:
            found.follow(PAGE)
            yield found
        finally:
            found.run("make stop-project")
    finally:
        shutil.rmtree(folder)


def test_every_command_of_the_page_works(copy: Copy) -> None:
    failed = [f"{c}\n{done.stdout}{done.stderr}" for c, done in copy.done if done.returncode]
    assert not failed, "\n".join(failed)


def test_at_most_four_files_are_edited(copy: Copy) -> None:
    assert set(copy.edits) == set(EDITED)
    code = (copy.root / "prices.py").read_text().splitlines()
    assert len([line for line in code if line]) <= 20


def test_the_pipeline_is_folded_and_v2_answers_with_it(copy: Copy) -> None:
    (adopted,) = copy.of("make adopt MODEL=my.joblib SLOT=v2 YES=1")
    assert "served folded" in adopted.stderr
    assert re.search(r"restart: v2-1 +\d", adopted.stderr)
    digest = re.search(r"v2 is now ([0-9a-f]{12})", adopted.stderr)
    assert digest
    answer = json.loads(copy.of("make test-api-debug")[0].stdout)
    assert answer["model"] == digest[1]
    (undone,) = copy.of("make adopt UNDO=1 SLOT=v2")
    assert re.search(r"v2 is [0-9a-f]{12} again", undone.stderr)


def test_own_texts_are_trained_on_and_measured(copy: Copy) -> None:
    (trained,) = copy.of("make gen-model DATA=my.csv")
    assert "held-out macro-F1" in trained.stderr
    assert "NOT MEASURED: the UCI set" in trained.stderr
    for version in ("v1", "v2"):
        assert "texts of your own" in (copy.root / f"var/models/{version}/MODEL.md").read_text()


def test_the_prices_come_from_two_versions(copy: Copy) -> None:
    for command, prefix, price in (
        ("make test-api", "v1-", 240_000),
        ("make test-api-debug", "v2-1", 256_000),
    ):
        done = copy.of(command)[-1]
        assert json.loads(done.stdout) == {"price": price}
        assert f"200 from {prefix}" in done.stderr


def test_what_is_not_offered_is_not_called_down(copy: Copy) -> None:
    first, second = copy.of("make start-project")
    assert "Metrics " not in first.stdout
    assert "not offered by v1-1, v1-2, v1-3, v2-1" in second.stdout
    assert "models " not in second.stderr
    assert "/price   login" in second.stdout


def test_the_files_agree_and_nothing_else_was_asked(copy: Copy) -> None:
    from gateway.agreement import agreement

    assert agreement(copy.root) == ()
    text = (copy.root / "var/logs/access.jsonl").read_text(encoding="utf-8")
    log = [json.loads(line) for line in text.splitlines()]
    asked = [line for line in log if line["uri"] == "/price"]
    assert len(asked) > 50  # 20 a second, for 5 seconds
    assert {line["status"] for line in asked} == {"200"}
    assert {line["instance"] for line in asked} >= {"v1-1", "v1-2", "v1-3", "v2-1"}
