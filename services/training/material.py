"""Everything that a training depends on, but for the code: a corpus, cleaned and split."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass

from services.artefact import Origin
from services.training.cleaning import Row, Split, split, text_digest
from services.training.corpora import Corpus
from services.training.own_data import own_split
from services.training.provenance import uci_overlap


@dataclass(frozen=True, slots=True)
class Material:
    """The rows to train on and to hold out, and what identifies them."""

    name: str
    files: dict[str, str]
    split: Split
    lexicon: dict[str, float]
    origin: Origin = Origin.SHIPPED


def material_of(corpus: Corpus) -> Material:
    """Clean and split a corpus.

    The sentences of the UCI set are never among the shipped rows, whether or not that
    set is on this machine. Models of one's own texts are not measured on it.
    """
    own = corpus.origin is Origin.OWN_DATA
    rows = own_split(corpus.rows) if own else split(corpus.rows, uci_overlap())
    return Material(corpus.name, corpus.files, rows, corpus.lexicon, corpus.origin)


def held_out_csv(rows: Iterable[Row]) -> str:
    """The rows as CSV (sentence, label), in an order that mixes the sources."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("sentence", "label"))
    writer.writerows(
        (row.text, row.label) for row in sorted(rows, key=lambda row: text_digest(row.text))
    )
    return text.getvalue()
