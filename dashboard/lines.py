"""What a screen shows, as text: cells with a meaning, in lines. No terminal, no colour."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple, TypeAlias


class Tone(Enum):
    """What a piece of text means. A theme turns it into a colour; the words say it too."""

    NORMAL = "normal"
    MUTED = "muted"
    STRONG = "strong"
    ACCENT = "accent"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


class Cell(NamedTuple):
    """A piece of text and its meaning."""

    text: str
    tone: Tone = Tone.NORMAL


Line: TypeAlias = tuple[Cell, ...]


def plain(line: Line) -> str:
    """The text alone."""
    return "".join(cell.text for cell in line).rstrip()


def safe(text: str, limit: int = 1_000) -> str:
    """Text from outside, harmless for a terminal: one line of printable characters.

    Whatever could move the cursor, change its colour, reorder the line (bidirectional
    marks) or hide in it becomes a visible escape such as \\x1b. At most `limit` characters
    are taken.
    """
    taken = text[:limit]
    if taken.isascii() and taken.isprintable():
        return taken
    return "".join(_visible(character) for character in taken)


def _visible(character: str) -> str:
    # Category C is control, format, surrogate, private use and unassigned; Z is separators.
    category = unicodedata.category(character)
    if character == " " or category[0] not in "CZM":
        return character
    if category == "Zs":
        return " "
    # Marks join the character before: one is a letter's accent, many are a mess.
    if category in ("Mn", "Mc"):
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def width(text: str) -> int:
    """Columns that `text`, made safe, takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def fit(text: str, columns: int, more: str = "…") -> str:
    """`text` cut or padded on the right to exactly that many columns."""
    have = width(text)
    if have <= columns:
        return text + " " * (columns - have)
    taken, used = [], 0
    room = columns - width(more)
    if room < 0:
        return " " * columns
    for character in text:
        used += _columns(character)
        if used > room:
            used -= _columns(character)
            break
        taken.append(character)
    return "".join(taken) + more + " " * (room - used)


def right(text: str, columns: int) -> str:
    """`text` padded on the left; too long a text stays whole, a number is never cut."""
    return " " * (columns - width(text)) + text


def clip(cells: Iterable[Cell], columns: int, more: str = "…") -> Line:
    """The line cut to that many columns."""
    kept: list[Cell] = []
    left = columns
    for cell in cells:
        have = width(cell.text)
        if have > left:
            if left > 0:
                kept.append(Cell(fit(cell.text, left, more), cell.tone))
            break
        kept.append(cell)
        left -= have
    return tuple(kept)
