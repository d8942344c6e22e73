"""A recording by somebody who means harm: whatever text it may hold steers a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dashboard.events import Event
from dashboard.record import from_json, to_json
from probes.recorded import FORMAT, VERSION

HOSTILE = (
    "\x1b[2J\x1b]8;;http://evil.example\x07\x1b]52;c;ZXZpbA==\x07\x9b31m\r\n\t\x00\x7f"
    "\u202e\u2066\u200b\u2028\ufeff[bold]"
)
"""Clears the screen, makes a link, writes the clipboard, colours, hides and turns."""

_KINDS: dict[tuple[str, ...], bool] = {}


def poisoned(value: dict[str, Any]) -> dict[str, Any]:
    """The event with HOSTILE at the end of each of its texts, but where no reader takes it."""
    for path in list(_texts(value)):
        spoilt = _with(value, path)
        shape = (value["kind"], *(step for step in path if isinstance(step, str)))
        if _KINDS.setdefault(shape, _is_read(spoilt)) and _is_read(spoilt):
            value = spoilt
    return value


def write(path: Path, events: Iterable[Event]) -> None:
    """The recording."""
    lines = [{"format": FORMAT, "version": VERSION}, *(poisoned(to_json(e)) for e in events)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def _is_read(value: dict[str, Any]) -> bool:
    try:
        from_json(value)
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    return True


def _texts(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, str) and path != ("kind",):
        yield path
    elif isinstance(value, dict):
        for key, child in value.items():
            yield from _texts(child, (*path, key))
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from _texts(child, (*path, number))


def _with(value: Any, path: tuple[str | int, ...]) -> Any:
    if not path:
        return value + HOSTILE
    copy = value.copy()
    copy[path[0]] = _with(value[path[0]], path[1:])
    return copy
