"""Pictures are left out where other releases draw them, but never from the locked set in CI."""

from __future__ import annotations

import sys

import pytest

from tests import locked_textual
from tests.locked_textual import LOCK, PLUGIN, ROOT, leave_out, locked, why_not_drawn

REASON = "they are of another textual"


def have(monkeypatch: pytest.MonkeyPatch, **other: str | None) -> None:
    """Let the locked releases be installed, but for `other`."""
    lock = (ROOT / LOCK).read_text()
    monkeypatch.setattr(
        locked_textual, "installed", lambda name: {name: locked(name, lock), **other}[name]
    )


def test_the_locked_releases_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch)
    assert why_not_drawn() is None


def test_another_release_is_named_with_the_locked_one(monkeypatch: pytest.MonkeyPatch) -> None:
    have(monkeypatch, textual="6.8.0")
    theirs = locked("textual", (ROOT / LOCK).read_text())
    expected = f"they are pictures of textual {theirs} ({LOCK}), this is 6.8.0"
    assert why_not_drawn() == expected
    have(monkeypatch, rich="14.0.0")
    assert "this is 14.0.0" in (why_not_drawn() or "")


def test_the_plugin_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locked_textual, "installed", {PLUGIN: None}.get)
    assert locked_textual.why_not_compared() == f"{PLUGIN} is not installed"
    monkeypatch.setattr(locked_textual, "installed", {PLUGIN: "1.1.0"}.get)
    assert locked_textual.why_not_compared() is None


def test_a_lock_without_the_package_is_an_error() -> None:
    with pytest.raises(LookupError, match="textual"):
        locked("textual", "pytest-textual==1\ntextual-serve==2\n")


@pytest.mark.parametrize(
    ("ci", "prefix", "outcome"),
    [
        ("true", ROOT / ".venv", pytest.fail.Exception),
        ("true", ROOT / ".tools/matrix/lowest/venv", pytest.skip.Exception),
        ("", ROOT / ".venv", pytest.skip.Exception),
    ],
)
def test_the_locked_set_must_compare_in_ci(
    monkeypatch: pytest.MonkeyPatch, ci: str, prefix: object, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(sys, "prefix", str(prefix))
    with pytest.raises(outcome, match=f"SVG snapshots: not run, {REASON}"):
        leave_out(REASON)
    leave_out(None)


def test_whatever_compares_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hook of tests/conftest.py: two ways to ask for it, and a test that does not."""
    from tests import conftest

    monkeypatch.setattr(conftest, "why_not_drawn", lambda: REASON)
    monkeypatch.setenv("CI", "")
    asked = []
    for fixtures, marker in ((["snap_compare"], False), ([], True), ([], False)):
        item = Item(fixtures, marker)
        try:
            conftest.pytest_runtest_setup(item)  # type: ignore[arg-type]
        except pytest.skip.Exception:
            asked.append((fixtures, marker))
    assert asked == [(["snap_compare"], False), ([], True)]


class Item:
    """As much of a test as the hook looks at."""

    def __init__(self, fixturenames: list[str], marked: bool) -> None:
        self.fixturenames = fixturenames
        self._marked = marked

    def get_closest_marker(self, name: str) -> bool:
        return self._marked and name == "picture"
