"""What a fuzz target is: a reader of this project, the files it starts from, and its promises.

A target returns for whatever it is given, or raises what is a defect: it lets through neither
the exception that its reader documents nor anything else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

Run = Callable[[bytes], None]


@dataclass(frozen=True)
class Target:
    """One reader."""

    make: Callable[[Path], Run]
    """Given an empty folder of its own: the function to call with each input."""
    seeds: Callable[[], list[bytes]]
    """Good inputs, out of the real files or by the real writers."""
    json: bool = False
    """Whether inputs are lines of JSON, to be changed value by value."""


def committed(*patterns: str) -> list[bytes]:
    """The content of files of the repository."""
    paths = [path for pattern in patterns for path in sorted(ROOT.glob(pattern))]
    assert paths, patterns
    return [path.read_bytes() for path in paths]


def check(promise: bool, what: str) -> None:
    """Raise AssertionError where a promise is broken, under `python -O` too."""
    if not promise:
        raise AssertionError(what)
