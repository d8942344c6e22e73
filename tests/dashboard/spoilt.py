"""Hostile text at both ends of every text in a value, whatever a reader would have refused."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar, cast

_Value = TypeVar("_Value")


def spoilt(value: _Value, text: str) -> _Value:
    """A copy of `value`, with `text` before and after each text that it holds, at any depth.

    At both ends: what is cut to fit a column keeps the one, what is looked up by how it begins
    the other. Equal texts stay equal. Choices from a list (Enum) are no text.
    """
    return cast(_Value, _spoilt(value, text))


def _spoilt(value: Any, text: str) -> Any:
    match value:
        case Enum():
            return value
        case str() if value.startswith("/"):
            # Still a path, and a pointer to what has this name (RFC 6901).
            end = f"{text}{value[1:]}{text}".replace("~", "~0").replace("/", "~1")
            return f"/{end}"
        case str():
            return f"{text}{value}{text}"
        case tuple():
            made = [_spoilt(each, text) for each in value]
            return type(value)(*made) if hasattr(value, "_fields") else tuple(made)
        case list():
            return [_spoilt(each, text) for each in value]
        case dict():
            return {_spoilt(key, text): _spoilt(each, text) for key, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in fields(value) if field.init]
        return replace(value, **{name: _spoilt(getattr(value, name), text) for name in names})
    return value
