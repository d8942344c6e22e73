"""TCP ports as people write them into files and variables."""

import re

_DIGITS = re.compile(r"[0-9]{1,5}")


def parse_port(text: str) -> int | None:
    """The port that `text` spells in plain ASCII digits, None when it is not 1 to 65535.

    int() alone would also take "+80", "8_0", " 80" and the digits of other scripts.
    """
    if _DIGITS.fullmatch(text) and 1 <= int(text) <= 65535:
        return int(text)
    return None
