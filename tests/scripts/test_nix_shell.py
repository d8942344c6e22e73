"""What is left out in the Nix shell is said; outside it, everything must be there."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import nix_shell, stack, test


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A shell whose channel has neither of the optional packages."""
    monkeypatch.setenv("SWITCHYARD_TOOLS", "nix")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(nix_shell, "find_spec", lambda name: None)


def test_outside_nothing_may_be_absent(monkeypatch: pytest.MonkeyPatch, shell: None) -> None:
    monkeypatch.setenv("SWITCHYARD_TOOLS", "")
    assert nix_shell.absent() == frozenset()


def test_other_nix_shells_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SWITCHYARD_TOOLS", raising=False)
    monkeypatch.setenv("IN_NIX_SHELL", "impure")
    assert not nix_shell.entered()


@pytest.mark.usefixtures("shell")
def test_each_absence_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[str] = []

    def call(command: list[str]) -> int:
        run.append(command[0])
        return 0

    monkeypatch.setattr(test, "_call", call)
    passed, failed, note = test.lint()
    assert (passed, failed) == (4, 0)
    assert run == ["ruff", "ruff", "shellcheck", "yamllint"]
    assert note.split("; ") == [
        "lint-imports: not covered: import-linter is not in this Nix shell",
        "mypy: not covered: schemathesis is not in this Nix shell",
    ]
    assert test.contract() == (0, 0, "not covered: schemathesis is not in this Nix shell")


@pytest.mark.usefixtures("shell")
def test_nothing_goes_before_the_tools_of_the_shell(tmp_path: Path) -> None:
    assert stack.search_path(Path("/anywhere")) == str(tmp_path)


@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize("layer", [test.unprivileged, test.nix])
def test_layers_of_the_outside(layer: test.Layer) -> None:
    passed, failed, note = layer()
    assert (passed, failed) == (0, 0)
    assert note.startswith("not covered")
