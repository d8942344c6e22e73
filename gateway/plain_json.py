"""Reads JSON that a program of ours wrote, from a file that may have been damaged since.

Python reads more than JSON: NaN and infinities, integers of any length, halves of surrogate
pairs. Each is an error far from here (OverflowError, UnicodeEncodeError) or a number that
poisons a sum. None of our writers writes one.
"""

import json
import re
from typing import Any, Final, NoReturn, TypeVar

LARGEST: Final = 2.0**64
"""No number in our files is as large: an inode takes 64 bits."""
_LONGEST: Final = 20
"""Characters of an integer below that, sign included."""
# Half a pair can stand in a text only as an escape.
_HALF_PAIR: Final = re.compile(r"\\u[dD][89a-fA-F]")
_Number = TypeVar("_Number", int, float)


def loads(text: str | bytes) -> Any:
    """The value of one JSON document. Raises ValueError for any other text."""
    if isinstance(text, bytes):
        text = text.decode()
    try:
        value = _DECODER.decode(text)
        if _HALF_PAIR.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def _float(text: str) -> float:
    return _checked(float(text))


def _int(text: str) -> int:
    if len(text) > _LONGEST:
        raise ValueError("a number is too large")
    return _checked(int(text))


def _checked(value: _Number) -> _Number:
    if not abs(value) < LARGEST:
        raise ValueError("a number is too large")
    return value


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_DECODER: Final = json.JSONDecoder(parse_float=_float, parse_int=_int, parse_constant=_constant)
