"""A recorded session as an SVG that scrolls, again and again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

COLUMNS, ROWS = 110, 32
PROMPT = "$ "
_CHAR, _LINE, _PAD = 7.8, 17, 12
_END_S = 4.0
"""How long the end stands before it begins again."""
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_STYLE = """\
text{font:13px ui-monospace,Menlo,Consolas,monospace;fill:#d8dee9;white-space:pre}
.c{fill:#a3be8c;font-weight:bold}
"""
_STILL = """\
@media(prefers-reduced-motion){*{animation:none!important}#up{transform:translateY(-%dpx)}}
"""


class Output(NamedTuple):
    """Something that was written, so many seconds after the beginning."""

    at: float
    text: str


def picture(outputs: Sequence[Output]) -> str:
    """The SVG; it stands still, at its end, where a reader wants no motion."""
    lines = _lines(outputs)
    total = outputs[-1].at + _END_S
    width, height = round(COLUMNS * _CHAR + 2 * _PAD), ROWS * _LINE + 2 * _PAD
    style, texts, scroll = [_STYLE], [], ["0%{transform:translateY(0)}"]
    for number, (at, text) in enumerate(lines):
        share = 100 * at / total
        shown = f"{share + 0.01:.2f}%,100%{{opacity:1}}"
        style.append(f"@keyframes l{number}{{0%,{share:.2f}%{{opacity:0}}{shown}}}\n")
        kind = ' class="c"' if text.startswith(PROMPT) else ""
        moves = f"animation:l{number} {total:.1f}s infinite"
        texts.append(
            f'<text y="{(number + 1) * _LINE}"{kind} style="{moves}">'
            f"{escape(text[:COLUMNS])}</text>\n"
        )
        if number >= ROWS:
            scroll.append(f"{share:.2f}%{{transform:translateY(-{(number - ROWS + 1) * _LINE}px)}}")
    last = max(0, len(lines) - ROWS) * _LINE
    scroll.append(f"100%{{transform:translateY(-{last}px)}}")
    # From one moment to the next nothing glides.
    style.append(f"@keyframes up{{{''.join(scroll)}}}\n")
    style.append(f"#up{{animation:up {total:.1f}s step-end infinite}}\n{_STILL % last}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'xml:space="preserve">\n'
        f"<title>A session with Switchyard</title>\n<style>\n{''.join(style)}</style>\n"
        f'<rect width="{width}" height="{height}" rx="8" fill="#1c2028"/>\n'
        f'<svg x="{_PAD}" y="{_PAD}" width="{width - 2 * _PAD}" height="{ROWS * _LINE + 4}">\n'
        f'<g id="up">\n{"".join(texts)}</g>\n</svg>\n</svg>\n'
    )


def _lines(outputs: Sequence[Output]) -> list[tuple[float, str]]:
    """Every line of the terminal with the moment at which it was last written to."""
    lines: list[tuple[float, str]] = [(0.0, "")]
    for at, data in outputs:
        for piece in re.split(r"(\n)", _CONTROL.sub("", data)):
            if piece == "\n":
                lines.append((at, ""))
            elif piece:
                # A carriage return begins the line anew: progress is shown as it ended.
                whole = lines[-1][1] + piece
                text = whole.rstrip("\r")
                lines[-1] = (at, text.rpartition("\r")[2] + whole[len(text) :])
    while lines and not lines[-1][1]:
        lines.pop()
    return [(at, text.rstrip("\r")) for at, text in lines]
