"""Which texts are trained on and which are held out.

The assignment depends on the normalised text alone (its sha256), so that it is the
same in every run and on every machine, and the same text in another spelling can
never stand on both sides.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from services.tokens import unescaped

HELD_OUT_SHARE: Final = 10
"""One text in this many is held out."""

_WORDS: Final = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled text and the corpus it comes from."""

    text: str
    label: str
    source: str


@dataclass(frozen=True, slots=True)
class Split:
    """The cleaned rows, and how many were dropped for which reason."""

    train: tuple[Row, ...]
    held_out: tuple[Row, ...]
    dropped: dict[str, int]


def normalise(text: str) -> str:
    """The text's letters and digits in lower case: what makes two texts the same."""
    return " ".join(_WORDS.findall(unescaped(text).lower()))


def text_digest(text: str) -> str:
    """sha256 of the normalised text, in hexadecimal."""
    return hashlib.sha256(normalise(text).encode()).hexdigest()


def is_held_out(digest: str) -> bool:
    """Whether the text of this digest belongs to the held-out tenth."""
    return int(digest[:8], 16) % HELD_OUT_SHARE == 0


def fold_of(digest: str, folds: int) -> int:
    """Cross-validation fold of a text: other digits than `is_held_out` looks at."""
    return int(digest[8:16], 16) % folds


def split(
    rows: Iterable[Row],
    excluded: frozenset[str],
    digest_of: Callable[[str], str] = text_digest,
) -> Split:
    """Clean the rows and part them into training and held-out rows.

    Dropped are texts without a letter or digit, texts that other rows label
    differently, repetitions (the first stays) and texts whose digest is in
    `excluded`, the sentences of another evaluation set. Two texts are the same
    where `digest_of` them is.
    """
    keyed = [(digest_of(row.text), row) for row in rows]
    empty = digest_of("")
    labels: dict[str, set[str]] = {}
    for digest, row in keyed:
        labels.setdefault(digest, set()).add(row.label)
    train: list[Row] = []
    held_out: list[Row] = []
    dropped = Counter({"no letter or digit": 0, "evaluation": 0, "conflict": 0, "repetition": 0})
    seen: set[str] = set()
    for digest, row in keyed:
        if digest == empty:
            dropped["no letter or digit"] += 1
        elif digest in excluded:
            dropped["evaluation"] += 1
        elif len(labels[digest]) > 1:
            dropped["conflict"] += 1
        elif digest in seen:
            dropped["repetition"] += 1
        else:
            seen.add(digest)
            (held_out if is_held_out(digest) else train).append(row)
    return Split(tuple(train), tuple(held_out), dict(dropped))


def overlap(left: Sequence[Row], right: Sequence[Row]) -> set[str]:
    """Digests of the texts that occur on both sides."""
    return {text_digest(row.text) for row in left} & {text_digest(row.text) for row in right}


def unique(rows: Iterable[Row]) -> list[Row]:
    """The rows without repetitions after normalising; the first stays."""
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(text_digest(row.text), row)
    return list(first.values())
