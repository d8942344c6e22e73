"""The A/B screen as text, and what must hold of every picture of it."""

from __future__ import annotations

from dashboard.ab_lines import ab_lines
from dashboard.events import Event
from dashboard.glyphs import UNICODE
from dashboard.lines import plain, width
from dashboard.view import View
from tests.dashboard.stories import START, model

NARROW, WIDE = View(80, 22, UNICODE), View(120, 38, UNICODE)
EVIL: str = "\x1b[2J\x9b1m\u202e\ud800"


def read(*happened: Event, view: View = WIDE, may_ask: bool = True, now: float = START + 9) -> str:
    lines = ab_lines(model(*happened), view, now, "● live ", 1000, may_ask)
    assert len(lines) <= view.rows
    for line in lines:
        assert sum(width(cell.text) for cell in line) <= view.columns
        assert all(cell.text.isprintable() for cell in line)
    assert plain(lines[0]).endswith("● live")
    return "\n".join(plain(line) for line in lines)


def row(text: str, label: str) -> str:
    found = [line for line in text.splitlines() if line.startswith(f" {label}")]
    assert len(found) == 1, text
    return found[0]
