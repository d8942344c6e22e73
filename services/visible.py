"""Text from outside on its way to a terminal."""


def visible(text: str) -> str:
    """`text` without anything that moves a cursor or hides or turns what follows."""
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "surrogatepass").decode()
        for character in text
    )
