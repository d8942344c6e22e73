"""What is published of several rounds: median, smallest and largest value."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and range of a figure over the rounds."""

    median: float
    low: float
    high: float

    def text(self, digits: int = 0) -> str:
        """`median (low..high)`, with a separator for thousands."""
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f}..{self.high:,.{digits}f})"


def spread(values: Sequence[float]) -> Spread:
    """Raises ValueError when there are no values."""
    if not values:
        raise ValueError("no values")
    return Spread(statistics.median(values), min(values), max(values))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """ours / theirs of each round: a round in which the machine was busy counts for both.

    Raises ValueError when the rounds do not pair up.
    """
    return spread([a / b for a, b in zip(ours, theirs, strict=True)])


def interleaved(names: Sequence[str], rounds: int) -> list[list[str]]:
    """The order of each round. It rotates, so that nobody always runs after the same one."""
    return [
        [names[(turn + offset) % len(names)] for offset in range(len(names))]
        for turn in range(rounds)
    ]


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for a terminal and for a Markdown file alike: the columns are aligned."""
    cells = [list(header), *map(list, rows)]
    if any(len(row) != len(header) for row in cells):
        raise ValueError("a row has more or fewer cells than the header")
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(header))]
    pad: Callable[[Sequence[str]], str] = lambda row: (  # noqa: E731
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
    )
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([pad(cells[0]), rule, *map(pad, cells[1:])])
