"""What is installed is known by its content: every lock has a digest for all that it names."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_NOT_OURS = {".venv", ".tools", "var"}
PYTHON_LOCKS = [
    str(path)
    for path in sorted(found.relative_to(ROOT) for found in ROOT.glob("**/requirements*.lock"))
    if not _NOT_OURS & set(path.parts)
]
LOCKS = (*PYTHON_LOCKS, "tools/go.sum", "tools/devcontainers/package-lock.json", "flake.lock")
_PINNED = re.compile(r"[a-zA-Z0-9._-]+(?:\[[a-z,]+\])?==[^ ;]+(?: ; [^\\]+)?")


def test_the_known_locks_are_found() -> None:
    assert {"requirements.lock", "requirements-dev.lock"} < set(PYTHON_LOCKS)


@pytest.mark.parametrize("name", PYTHON_LOCKS)
def test_every_package_has_a_version_and_a_hash(name: str) -> None:
    text = (ROOT / name).read_text()
    lines = [line for line in text.splitlines() if not line.strip().startswith("#")]
    packages = "\n".join(lines).replace(" \\\n", " ").splitlines()
    assert packages
    for package in packages:
        requirement, *hashes = package.split("--hash=")
        assert _PINNED.fullmatch(requirement.strip()), package
        assert hashes, package
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one.strip()) for one in hashes), package


def test_every_module_of_go_has_a_hash() -> None:
    sums = [line.split() for line in (ROOT / "tools/go.sum").read_text().splitlines()]
    assert all(re.fullmatch(r"h1:[A-Za-z0-9+/]{43}=", digest) for _, _, digest in sums)
    known = {(module, version) for module, version, _ in sums}
    text = (ROOT / "tools/go.mod").read_text()
    required = re.findall(r"^\s*(?:require )?([a-z]\S+/\S+) (v\S+)", text, re.MULTILINE)
    assert required
    # Of what is only needed to choose versions, the sum of its go.mod is enough.
    assert not {(m, v) for m, v in required if (m, f"{v}/go.mod") not in known}


def test_every_package_of_npm_and_nix_has_a_hash() -> None:
    npm = json.loads((ROOT / "tools/devcontainers/package-lock.json").read_text())["packages"]
    assert all(one["integrity"].startswith("sha512-") for name, one in npm.items() if name)
    nodes = json.loads((ROOT / "flake.lock").read_text())["nodes"]
    locked = [node["locked"] for name, node in nodes.items() if name != "root"]
    assert locked
    assert all(one["narHash"].startswith("sha256-") for one in locked)


@pytest.mark.parametrize("name", LOCKS)
def test_no_lock_says_where_to_fetch(name: str) -> None:
    assert "://" not in (ROOT / name).read_text()
