"""Every test is in a layer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scripts import nix_shell, private_network, test
from scripts.junit import Counts
from scripts.test import LAYERS, ROOT

TESTS = sorted(path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """With what each layer calls pytest; nothing is run."""
    calls: list[list[str]] = []

    def pytest_of(layer: str, arguments: list[str], *rest: object, **more: object) -> Counts:
        calls.append(arguments)
        return 1, 0, ""

    @contextmanager
    def no_clone(*arguments: object) -> Iterator[Path]:
        yield tmp_path

    monkeypatch.setattr(test, "_pytest", pytest_of)
    monkeypatch.setattr(test, "_call", lambda *arguments, **more: 0)
    monkeypatch.setattr(test, "fresh_clone", no_clone)
    monkeypatch.setattr(test, "copy_models", lambda source, target: None)
    monkeypatch.setattr(nix_shell, "entered", lambda: False)
    monkeypatch.setattr(nix_shell, "absent", frozenset)
    monkeypatch.setattr(private_network, "prefix", lambda: None)
    for layer in (*LAYERS.values(), test.flake_unit):
        layer()
    return calls


def _files(arguments: list[str]) -> set[Path]:
    """The files of tests that pytest takes for these arguments."""
    left_out = [Path(word.partition("=")[2]) for word in arguments if word.startswith("--ignore=")]
    return {
        path
        for path in TESTS
        if any(path.is_relative_to(each) for each in _named(arguments))
        and not any(path.is_relative_to(each) for each in left_out)
    }


def _named(arguments: list[str]) -> list[Path]:
    return [Path(word) for word in arguments if word.startswith("tests")]


def test_every_test_is_in_exactly_one_layer(asked: list[list[str]]) -> None:
    """Or in two, of which one has a marker and the other one has what is left."""
    markers: dict[Path, set[str]] = {path: set() for path in TESTS}
    for arguments in asked:
        marker = arguments[arguments.index("-m") + 1] if "-m" in arguments else ""
        for path in _files(arguments):
            assert marker not in markers[path], f"{path} is run twice"
            markers[path].add(marker)
    halves = [{""}, *({marker, f"not {marker}"} for marker in ("gates", "matrix"))]
    alone = {"not gates"}  # rooms without any
    lost = {str(path): by for path, by in markers.items() if by not in [*halves, alone]}
    assert lost == {}


def test_no_argument_is_within_another_one(asked: list[list[str]]) -> None:
    """After a file, pytest 8 leaves out what else a folder holds that is named after it."""
    for arguments in asked:
        for one in _named(arguments):
            assert not any(one.is_relative_to(each) for each in _named(arguments) if each != one)
