"""What can be drawn of a response, whatever the model: numbers by name, and weighted words.

Nothing here knows what a model calls them. A mapping from names to numbers is drawn as bars
(probabilities, for one), a list of words with a weight each as signed words (an explanation).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_DEEPEST = 6
_MOST = 200
"""Entries of one mapping or list that are looked at."""


def named_numbers(body: Any) -> dict[str, dict[str, float]]:
    """Each mapping from two names or more to numbers, by the path that leads to it."""
    return {
        path: {str(name): float(value) for name, value in list(part.items())[:_MOST]}
        for path, part in _parts(body, "", _DEEPEST)
        if isinstance(part, Mapping)
        and len(part) > 1
        and all(_is_number(value) for value in part.values())
    }


def weighted_words(body: Any) -> dict[str, list[tuple[str, float]]]:
    """Each list of words with a weight, by the path that leads to it; in its own order.

    An entry is an object or a list that holds one text and one number, and nothing of these
    twice.
    """
    found = {}
    for path, part in _parts(body, "", _DEEPEST):
        if isinstance(part, list) and part:
            entries = [_weighted(entry) for entry in part[:_MOST]]
            known = [entry for entry in entries if entry is not None]
            if len(known) == len(entries):
                found[path] = known
    return found


def _parts(body: Any, path: str, depth: int) -> Iterator[tuple[str, Any]]:
    yield path, body
    if depth and isinstance(body, Mapping):
        for name, value in list(body.items())[:_MOST]:
            yield from _parts(value, f"{path}.{name}" if path else str(name), depth - 1)


def _weighted(entry: Any) -> tuple[str, float] | None:
    values: Sequence[Any] = ()
    if isinstance(entry, Mapping):
        values = list(entry.values())
    elif isinstance(entry, list):
        values = entry
    words = [value for value in values if isinstance(value, str)]
    numbers = [value for value in values if _is_number(value)]
    return (words[0], float(numbers[0])) if len(words) == len(numbers) == 1 else None


def _is_number(value: Any) -> bool:
    # A whole number of JSON may be too large for a float.
    try:
        return not isinstance(value, bool) and math.isfinite(value)
    except (TypeError, OverflowError):
        return False
