"""Makes dataclasses from JSON values, of exactly the types that they declare. Pure.

What an engine wrote down is read by screens, by commands and by the engine after it. A value of
another type, from a damaged or edited file, would be an error in whoever first uses it.
"""

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Made = TypeVar("Made")


def made(of: type[Made], value: Mapping[str, Any], **given: Any) -> Made:
    """The dataclass `of` with the plain values in `value`, and `given` as it is.

    Checked are fields that are bool, int (counts: none is negative), float (or int), str or
    None, and enumerations of strings. Raises TypeError or ValueError for other values, other
    names and missing ones.
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"{type(value).__name__} where an object is expected")
    key: Any = of  # mypy does not take a type for hashable
    kinds = _kinds(key)
    read: dict[str, Any] = dict(given)
    for name, each in value.items():
        if name not in kinds or name in given:
            raise TypeError(f"{name!r} is not expected here")
        read[name] = _read(name, each, kinds[name])
    return of(**read)


@cache
def _kinds(of: type[Any]) -> dict[str, tuple[type[Any], ...]]:
    hints = get_type_hints(of)
    return {field.name: _alternatives(hints[field.name]) for field in fields(of)}


def _alternatives(hint: Any) -> tuple[type[Any], ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _read(name: str, value: Any, kinds: tuple[type[Any], ...]) -> Any:
    for kind in kinds:
        if kind is NoneType or kind in (bool, int, str):
            # bool is an int to isinstance.
            if type(value) is kind:
                if kind is int and value < 0:
                    raise ValueError(f"{name} is {value}")
                return value
        elif kind is float:
            if type(value) in (int, float):
                return value
        elif isinstance(value, str):
            return kind(value)
    words = " or ".join("null" if kind is NoneType else kind.__name__ for kind in kinds)
    raise TypeError(f"{name} is {type(value).__name__}, not {words}")
