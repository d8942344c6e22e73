"""Text from outside on its way to a terminal or a report."""

from __future__ import annotations


def visible(text: str) -> str:
    """`text` without anything that moves a cursor or hides or turns what follows."""
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "surrogatepass").decode()
        for character in text
    )
