"""The edits that CONTRIBUTING.md asks for to add a version: enough, and each one needed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.agreement import agreement
from gateway.processes import read_processes
from tests.docs.followed import apply, edits, section
from tests.nginx.gateway_copy import NGINX, REPOSITORY, temporary_root

# Whoever has really done it makes the page about the next one.
pytestmark = pytest.mark.skipif(
    any(each.version == "v3" for each in read_processes(REPOSITORY).instances),
    reason="this workspace has v3: the recipe of CONTRIBUTING.md is done",
)
PAGE = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
EDITS = edits(section(PAGE, "### A version"))
FILES = {name for name, _, _ in EDITS}
COMPARED = [
    edit for edit in EDITS if edit[0] != "README.md" and "condition: process_started" not in edit[1]
]
"""What other files repeat. README is compared by its own test (tests/docs/test_readme.py), and what
nginx waits for, and stops before, is for whoever declares the instance to say."""


@pytest.fixture
def copy() -> Iterator[Path]:
    """The files that the recipe edits and those that are compared with them, unprepared."""
    root = temporary_root()
    try:
        ignore = shutil.ignore_patterns("certs")
        for folder in ("nginx", "monitoring"):
            shutil.copytree(REPOSITORY / folder, root / folder, ignore=ignore)
        for name in (".env", ".pc_env", "process-compose.yaml", "workload.yaml", "README.md"):
            shutil.copy(REPOSITORY / name, root)
        (root / "var/run").mkdir(parents=True)
        yield root
    finally:
        shutil.rmtree(root)


def test_the_recipe_is_small() -> None:
    """Whoever needs more than this for one more version has to say so here."""
    added = sum(len(after.splitlines()) - len(before.splitlines()) for _, before, after in EDITS)
    assert len(FILES) == 5
    assert added <= 21


def test_with_every_edit_the_files_agree_and_the_programs_accept_them(copy: Path) -> None:
    for edit in EDITS:
        apply(copy, edit)
    assert agreement(copy) == ()
    prepare = [sys.executable, "-m", "gateway.prepare", "--root", str(copy)]
    subprocess.run(prepare, cwd=REPOSITORY, check=True, capture_output=True, timeout=60)
    for command in (
        [*NGINX, "-t"],
        ["promtool", "check", "config", "monitoring/prometheus.yml"],
        ["process-compose", "up", "--dry-run"],
    ):
        done = subprocess.run(
            command, cwd=copy, env=os.environ, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
    # The instance can be drained like any other.
    assert "api_v3_without_v3-1" in (copy / "var/nginx/drained-upstreams.conf").read_text()


@pytest.mark.parametrize(
    "forgotten", COMPARED, ids=[f"{n} {name}" for n, (name, _, _) in enumerate(COMPARED, 1)]
)
def test_an_edit_that_was_forgotten_is_named(copy: Path, forgotten: tuple[str, str, str]) -> None:
    for edit in EDITS:
        if edit != forgotten:
            apply(copy, edit)
    found = agreement(copy)
    assert all(re.search(r"v3|8301", str(item)) for item in found)
    named = {item.file for item in found}
    if forgotten == COMPARED[0]:  # declares: without it, it is the others that say too much
        assert named == {"nginx/upstreams.conf", "monitoring/prometheus.yml"}
    else:
        assert forgotten[0] in named
