"""Every key: the one table behind the footer, the help, the command palette and docs/keys.md."""

from __future__ import annotations

from typing import TypeAlias

from textual.binding import Binding

from dashboard.ui.keys import (
    ab,
    checks,
    confirm,
    detail,
    everywhere,
    labelling,
    overview,
    processes,
    rate_limit,
    rollout,
    traffic,
    weight,
)
from dashboard.ui.keys.key import Key, Scope

# As Textual spells it: a list of anything else is another type.
Bindings: TypeAlias = list[Binding | tuple[str, str] | tuple[str, str, str]]

KEYS: tuple[Key, ...] = (
    *everywhere.KEYS,
    *overview.KEYS,
    *traffic.KEYS,
    *detail.KEYS,
    *ab.KEYS,
    *labelling.KEYS,
    *rate_limit.KEYS,
    *checks.KEYS,
    *processes.KEYS,
    *rollout.KEYS,
    *confirm.KEYS,
    *weight.KEYS,
)


def bindings(scope: Scope) -> Bindings:
    """The keys of one place, as Textual wants them. A long name of a key is shown as a sign."""
    return [
        Binding(
            key.keys,
            key.action,
            key.label,
            show=key.footer,
            key_display=key.shown.split()[0],
            tooltip=key.help,
            id=key.id,
        )
        for key in KEYS
        if key.scope is scope
    ]


def markdown_table() -> str:
    """The keys as a table for the README."""
    rows = [f"| {key.scope.value} | `{key.shown}` | {key.help} |" for key in KEYS]
    return "\n".join(["| where | key | what it does |", "| --- | --- | --- |", *rows]) + "\n"


__all__ = ["KEYS", "Bindings", "Key", "Scope", "bindings", "markdown_table"]
