"""The folded artefact: a linear text model as plain tables in one file.

A TF-IDF pipeline with logistic regression is, for one text, a few look-ups and
sums. Folding multiplies every term's weight with its idf beforehand, so that the
tables below are all that is needed. They hold data only: reading them runs no code.

Layout: 8 bytes of magic, the header's length (unsigned 32-bit, little-endian), the
header as JSON, then the sections in this order, without padding:

    terms      UTF-8, one a line, in the order of the columns
    squares    float64 little-endian, one a term
    weights    float64 little-endian, one a term, for each class but the first
"""

import json
import struct
import sys
from array import array
from dataclasses import dataclass
from typing import Any, Final

from services.ngrams import Ngrams, from_header

MAGIC: Final = b"FOLDED\x01\n"
_LENGTH: Final = struct.Struct("<I")
_SEPARATOR: Final = "\n"


class FoldedError(ValueError):
    """The bytes are not a folded artefact that this version can read."""


@dataclass(frozen=True, slots=True)
class Folded:
    """The tables of one model with K classes.

    `analysis` names one of `services.tokens.ANALYSES`, or holds the settings of a
    vectorizer of scikit-learn.

    All logits are relative to the first class, whose own is 0. For a text with
    terms t of count c(t), with f(t) = 1 + ln c(t), the logit of class k is

        intercepts[k] + sum(f * weights[k]) / sqrt(sum(f^2 * squares))

    plus, where there is a lexicon, its four sums of valences, each divided by
    sqrt(tokens + 4), times `lexicon_weights[k]`. The four are: positive, negative,
    positive after a negator, negative after a negator. `intercepts`, `weights` and
    `lexicon_weights` have K - 1 entries: the first class has none. (With the settings
    of a vectorizer, f and the norm are what those say.)
    """

    analysis: str | Ngrams
    classes: tuple[str, ...]
    intercepts: tuple[float, ...]
    terms: list[str]
    squares: "array[float]"
    weights: tuple["array[float]", ...]
    lexicon: dict[str, float]
    lexicon_weights: tuple[tuple[float, ...], ...]


def encode(folded: Folded) -> bytes:
    """The tables as the bytes of a file; the same tables give the same bytes.

    Raises FoldedError where a term would not survive the round trip.
    """
    terms = _SEPARATOR.join(folded.terms)
    if terms.count(_SEPARATOR) != len(folded.terms) - 1 or "" in folded.terms:
        raise FoldedError("a term is empty or holds a line feed")
    analysis = folded.analysis
    header = {
        "analysis": analysis.as_header() if isinstance(analysis, Ngrams) else analysis,
        "classes": folded.classes,
        "intercepts": folded.intercepts,
        "terms": len(folded.terms),
        "term_bytes": len(terms.encode()),
        "lexicon": folded.lexicon,
        "lexicon_weights": folded.lexicon_weights,
    }
    head = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    columns = [_little_endian(column) for column in (folded.squares, *folded.weights)]
    return b"".join((MAGIC, _LENGTH.pack(len(head)), head, terms.encode(), *columns))


def decode(content: bytes) -> Folded:
    """The tables in the bytes of a file.

    Raises FoldedError where the bytes are cut short, too long or of another format.
    """
    if not content.startswith(MAGIC):
        raise FoldedError("not a folded artefact of this version (wrong first 8 bytes)")
    try:
        (length,) = _LENGTH.unpack_from(content, len(MAGIC))
        start = len(MAGIC) + _LENGTH.size
        header: dict[str, Any] = json.loads(content[start : start + length])
        start += length
        end = start + header["term_bytes"]
        terms = content[start:end].decode().split(_SEPARATOR)
        count = header["terms"]
        classes = tuple(header["classes"])
        width = count * array("d").itemsize
        if len(terms) != count or len(content) != end + width * len(classes):
            raise FoldedError("cut short, or longer than its header says")
        view = memoryview(content)
        columns = [
            _native(view[end + k * width : end + (k + 1) * width]) for k in range(len(classes))
        ]
        analysis = header["analysis"]
        return Folded(
            analysis=from_header(analysis) if isinstance(analysis, dict) else analysis,
            classes=classes,
            intercepts=tuple(header["intercepts"]),
            terms=terms,
            squares=columns[0],
            weights=tuple(columns[1:]),
            lexicon=header["lexicon"],
            lexicon_weights=tuple(tuple(row) for row in header["lexicon_weights"]),
        )
    except (KeyError, TypeError, UnicodeDecodeError, json.JSONDecodeError, struct.error) as error:
        raise FoldedError(f"unreadable header or terms: {error!r}") from error


def _little_endian(column: "array[float]") -> bytes:
    if sys.byteorder == "little":
        return column.tobytes()
    swapped = array("d", column)
    swapped.byteswap()
    return swapped.tobytes()


def _native(content: memoryview) -> "array[float]":
    column = array("d")
    column.frombytes(content)
    if sys.byteorder != "little":
        column.byteswap()
    return column
