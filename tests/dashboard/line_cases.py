"""Functions that make lines for a terminal, each with a case: what it makes of hostile text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from dashboard.glyphs import ASCII, UNICODE
from dashboard.lines import Line
from dashboard.view import View
from dashboard.window import Window
from tests.dashboard.hostile_world import World

Case: TypeAlias = Callable[[World], Iterable[str]]
CASES: dict[str, Case] = {}
"""By module and name of the function; shown_screens and printed_texts fill it."""
VIEWS = (View(200, 60, UNICODE, Window.ALL), View(80, 24, ASCII, Window.ALL))


def case(function: Callable[..., object]) -> Callable[[Case], Case]:
    """The decorated function is the case of `function`."""

    def add(found: Case) -> Case:
        CASES[f"{function.__module__}.{function.__name__}"] = found
        return found

    return add


def cells(lines: Iterable[Line]) -> Iterator[str]:
    """Every piece of text of these lines."""
    return (cell.text for line in lines for cell in line)
