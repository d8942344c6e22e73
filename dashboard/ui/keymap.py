"""Keys that a person has moved: `--key ID=KEY`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from textual.binding import Binding

from dashboard.ui.bindings import KEYS, Key, Scope
from dashboard.ui.screen import TABS
from gateway.errors import ConfigurationError


def keymap(moved: Sequence[tuple[str, str]]) -> dict[str, str]:
    """For each id of a binding its other keys, as Textual names them.

    Raises ConfigurationError for a binding that does not exist, and for a key that means
    something else in the same place: Textual would take it from there without a word.
    """
    known = {key.id for key in KEYS}
    found: dict[str, str] = {}
    for name, keys in moved:
        if name not in known:
            fix = f"use one of {', '.join(sorted(known))}"
            raise ConfigurationError("--key", f"there is no binding {name!r}", fix)
        # Also a sign by its name: `/` is "slash" to Textual.
        found[name] = ",".join(each.key for each in Binding.make_bindings([Binding(keys, "")]))
    for name in found:
        _require_alone(name, keys_with(found))
    return found


def keys_with(moved: Mapping[str, str]) -> tuple[Key, ...]:
    """The table of keys, as it is with these."""
    return tuple(replace(key, keys=moved.get(key.id, key.keys)) for key in KEYS)


def _require_alone(name: str, keys: Sequence[Key]) -> None:
    this = next(key for key in keys if key.id == name)
    for other in keys:
        if other.id == name or not _together(this.scope, other.scope):
            continue
        if both := sorted({*this.keys.split(",")} & {*other.keys.split(",")}):
            fix = f"take another key, or move that one too: --key {other.id}=KEY"
            raise ConfigurationError("--key", f"{both[0]} is {other.id} already", fix)


def _together(one: Scope, other: Scope) -> bool:
    """Whether the keys of both work at the same time. Below a dialog nothing else does."""
    screens = {name for name, _ in TABS}
    if one is other:
        return True
    return Scope.EVERYWHERE in (one, other) and bool({one.mode, other.mode} & screens)
