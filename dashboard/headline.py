"""The first lines of a screen with a test: what it came to, and why."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from dashboard.lines import Cell, Line, Tone, clip, fit, safe, width
from dashboard.view import View

LABEL = 11
"""Columns of the words at the left."""


def headline(word: Cell, text: str, view: View, right_side: str) -> list[Line]:
    """`word` and `text`, with `right_side` at the end of the first line.

    What of the text does not fit there goes on in the lines below.
    """
    indent = width(word.text) + 3
    room = max(10, view.columns - indent - width(right_side) - 1)
    first, *others = wrapped(text, room) or [""]
    rest = wrapped(" ".join(others), max(10, view.columns - indent - 1))
    cells = (Cell(" "), word, Cell(f"  {fit(first, room, view.glyphs.more)} ", Tone.STRONG))
    lines: list[Line] = [(*cells, Cell(right_side, Tone.MUTED))]
    lines += [(Cell(" " * indent + part, Tone.STRONG),) for part in rest]
    return [clip(line, view.columns, view.glyphs.more) for line in lines]


def labelled(label: str, text: str, view: View, tone: Tone = Tone.NORMAL) -> list[Line]:
    """`text` from outside, over as many lines as it takes, with a label before the first."""
    parts = wrapped(text, max(10, view.columns - LABEL - 1)) or [""]
    heads = [label, *[""] * (len(parts) - 1)]
    return [
        clip(
            (Cell(fit(f" {head}", LABEL), Tone.STRONG), Cell(part, tone)),
            view.columns,
            view.glyphs.more,
        )
        for head, part in zip(heads, parts, strict=True)
    ]


def causes(texts: Sequence[str], view: View, room: int) -> list[Line]:
    """Why something cannot be done, one fact a text, in at most `room` lines.

    What begins with `fix:` says what to do: it stays when not all of the rest can.
    """
    facts: list[Line] = []
    fixes: list[Line] = []
    for text in texts:
        is_fix = text.startswith("fix:")
        # What a process said last stands further to the right.
        indent = len(text) - len(text.lstrip())
        parts = wrapped(text.strip(), max(20, view.columns - indent - 5))
        tone = Tone.ACCENT if is_fix else Tone.MUTED if indent else Tone.NORMAL
        lines = fixes if is_fix else facts
        lines += [
            (Cell(" " * (2 + indent + (2 if number else 0)) + part, tone),)
            for number, part in enumerate(parts)
        ]
    kept = max(0, room - len(fixes) - 1)
    if len(facts) > kept:
        facts = [*facts[: max(0, kept - 1)], (Cell(f"  {view.glyphs.more}", Tone.MUTED),)]
    return [*facts, (), *fixes][:room] if fixes else facts[:room]


def rule(title: str, view: View, end: str = "") -> Line:
    """A line across with a title, and `end` at its right."""
    stroke = view.glyphs.rule
    text = f" {stroke * 2} {title} "
    room = view.columns - width(text) - width(end) - 3
    tail = f" {end} {stroke}" if end else stroke * 2
    line = (Cell(text + stroke * max(0, room) + tail, Tone.MUTED),)
    return clip(line, view.columns, view.glyphs.more)


def wrapped(text: str, columns: int) -> list[str]:
    """`text`, made safe, in pieces of at most that many characters; cut between words."""
    return textwrap.wrap(safe(text, 4_000), columns, break_on_hyphens=False)
