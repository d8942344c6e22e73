"""Reads one's own labelled texts from a CSV file, to train the shipped recipes on.

UTF-8, a comma between the columns, a header. The text is in a column `text`, `content`
or `sentence`, its class in `label` or `sentiment`; or a number is in `score`, which is
positive from the threshold on, negative from minus the threshold on, else neutral.
"""

import csv
import hashlib
import io
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.artefact import Origin
from services.regular_file import read_regular
from services.training.archives import DataError, DataMissing, Library
from services.training.cleaning import Row, Split, split
from services.training.corpora import Corpus, PublicSource, plain

TEXT_COLUMNS: Final = ("text", "content", "sentence")
LABEL_COLUMNS: Final = ("label", "sentiment")
SCORE_COLUMN: Final = "score"
LEAST_TEXTS: Final = 50
"""Different texts that every class needs."""
_MOST_BYTES: Final = 1 << 30

_WORDS: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class OwnSource:
    """A CSV file of one's own; `label_map` is a CSV of `from,to` that renames labels."""

    path: Path
    label_map: Path | None = None
    threshold: float = 0.5

    @property
    def origin(self) -> Origin:
        """The texts of whoever runs this."""
        return Origin.OWN_DATA

    @property
    def files(self) -> dict[str, str]:
        """sha256 of the file and of the label map, and the threshold. Raises DataError."""
        given = [path for path in (self.path, self.label_map) if path]
        digests = {path.name: hashlib.sha256(_content(path)).hexdigest() for path in given}
        return {**digests, "threshold": f"{self.threshold:g}"}

    def read(self, library: Library) -> Corpus:
        """The rows and, where it can be had, the lexicon that v2 also uses.

        Raises DataError naming the file and the line of what cannot be used.
        """
        names = _label_map(self.label_map) if self.label_map else None
        rows, lines = [], dict[str, int]()
        for line, row in _rows(self.path, self.threshold):
            label = row.label
            if names is not None:
                if label not in names:
                    raise DataError(
                        f"{self.path}:{line}: the label {label!r} is not in {self.label_map}: "
                        "add it there (with nothing behind the comma, its rows are left out)"
                    )
                label = names[label]
            if label:
                rows.append(Row(row.text, label, row.source))
                lines.setdefault(label, line)
        _require_enough(self.path, rows, lines)
        try:
            lexicon = PublicSource().lexicon(library)
        except DataMissing as error:
            library.announce(f"v2 does without the lexicon of English words: {error}")
            lexicon = {}
        return Corpus(self.path.name, tuple(rows), lexicon, self.files, Origin.OWN_DATA)


def own_split(rows: Sequence[Row]) -> Split:
    """Clean and part the rows; in any alphabet, unlike the rule for the shipped corpora."""
    return split(rows, frozenset(), _digest)


def _digest(text: str) -> str:
    return hashlib.sha256(" ".join(_WORDS.findall(text.lower())).encode()).hexdigest()


def _require_enough(path: Path, rows: Sequence[Row], lines: Mapping[str, int]) -> None:
    if not rows:
        raise DataError(f"{path}: no rows below the header")
    if len(lines) < 2:
        raise DataError(
            f"{path}: every row is {next(iter(lines))!r}: at least 2 classes are needed"
        )
    cleaned = own_split(rows)
    texts = Counter(row.label for row in (*cleaned.train, *cleaned.held_out))
    scarce = [label for label in lines if texts[label] < LEAST_TEXTS]
    if scarce:
        label = min(scarce, key=lambda name: texts[name])
        raise DataError(
            f"{path}:{lines[label]}: {len(scarce)} of {len(lines)} classes "
            f"{'has' if len(scarce) == 1 else 'have'} fewer than {LEAST_TEXTS} different texts, "
            f"{label!r} has {texts[label]}: add some, leave the class out, or join it with "
            "another by a label map"
        )


def _content(path: Path) -> bytes:
    try:
        return read_regular(path, _MOST_BYTES)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error


def _records(path: Path) -> Iterator[tuple[int, dict[str | None, str | list[str] | None]]]:
    """The rows of a CSV file by column, each with its line. The first is the header's own."""
    content = _content(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}:{line}: byte {error.start} is not UTF-8: save the file as UTF-8"
        ) from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        header = reader.fieldnames or []
        yield 1, dict.fromkeys(header)
        while True:
            line = reader.line_num + 1
            record = next(reader, None)
            if record is None:
                return
            yield line, record
    except csv.Error as error:
        raise DataError(f"{path}:{line}: {error}") from error


def _column(path: Path, header: Mapping[str | None, object], names: Sequence[str]) -> str:
    found = next((name for name in names if name in header), None)
    if found is None:
        there = ", ".join(str(name) for name in header) or "none"
        raise DataError(
            f"{path}:1: no column {' or '.join(names)} (there are: {there}): "
            "the first line names the columns, with commas between them"
        )
    return found


def _rows(path: Path, threshold: float) -> Iterator[tuple[int, Row]]:
    records = _records(path)
    _, header = next(records)
    text_column = _column(path, header, TEXT_COLUMNS)
    label_column = _column(path, header, (*LABEL_COLUMNS, SCORE_COLUMN))
    for line, record in records:
        text, label = record.get(text_column), record.get(label_column)
        if not isinstance(text, str) or not isinstance(label, str) or not label.strip():
            missing = text_column if not isinstance(text, str) else label_column
            raise DataError(f"{path}:{line}: no {missing} in this row: complete or remove it")
        if None in record:
            raise DataError(
                f"{path}:{line}: more columns than the header has: put texts with commas in quotes"
            )
        label = plain(label)
        if label_column == SCORE_COLUMN:
            label = _of_score(path, line, label, threshold)
        yield line, Row(plain(text), label, path.name)


def _of_score(path: Path, line: int, text: str, threshold: float) -> str:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise DataError(f"{path}:{line}: the score {text!r} is not a number")
    if score >= threshold:
        return "positive"
    return "negative" if score <= -threshold else "neutral"


def _label_map(path: Path) -> dict[str, str]:
    records = _records(path)
    _, header = next(records)
    before, after = _column(path, header, ("from",)), _column(path, header, ("to",))
    names: dict[str, str] = {}
    for line, record in records:
        old, new = record.get(before), record.get(after)
        if not isinstance(old, str) or not isinstance(new, str) or None in record:
            raise DataError(f"{path}:{line}: write old name, comma, new name")
        names[plain(old)] = plain(new)
    return names
