"""A few own sentences, and models trained on them in a moment."""

from pathlib import Path
from typing import Any

from services.artefact import Origin
from services.training.archives import Library
from services.training.cleaning import Row, Split
from services.training.corpora import Corpus
from services.training.gates import Gate
from services.training.material import Material
from services.training.recipes import Recipe

LEXICON = {"good": 1.9, "great": 3.1, "bad": -2.5, "awful": -2.0, "lovely": 2.8, ":)": 2.0}
FILES = {"tiny.txt": "0" * 64}

_SUBJECTS = ("the film", "my new phone", "this hotel", "the soup", "our guide", "that song")
_SAID = {
    "positive": ("was great", "is really good :)", "was not bad at all", "made me happy!!"),
    "negative": ("was awful", "is bad, so bad", "was not good", "wasn't worth the money..."),
    "neutral": ("arrived on Monday", "has two parts", "is near the station", "comes in blue?"),
}


def rows() -> tuple[Row, ...]:
    """Seventy-two sentences in three classes."""
    return tuple(
        Row(f"{subject} {said}", label, "own")
        for label, sayings in _SAID.items()
        for said in sayings
        for subject in _SUBJECTS
    )


def recipe(analysis: str, version: str = "v1") -> Recipe:
    """A recipe that keeps every term, with a lexicon for tweets."""
    return Recipe(version, "a tiny model", analysis, lexicon=analysis == "tweets", min_df=1)


def material(labels: tuple[str, ...] = ("negative", "neutral", "positive")) -> Material:
    """The rows of these classes; the sixth of each saying is held out."""
    kept = [row for row in rows() if row.label in labels]
    held_out = [row for row in kept if row.text.startswith(_SUBJECTS[-1])]
    train = [row for row in kept if row not in held_out]
    return Material("own sentences", FILES, Split(tuple(train), tuple(held_out), {}), LEXICON)


class TinySource:
    """The corpus above, as a source that the training can read."""

    def __init__(self) -> None:
        self.reads = 0

    @property
    def origin(self) -> Origin:
        return Origin.SHIPPED

    @property
    def files(self) -> dict[str, str]:
        return FILES

    def read(self, library: Library) -> Corpus:
        self.reads += 1
        return Corpus("own sentences", rows(), LEXICON, FILES)


EASY = Gate(
    held_out_macro_f1=0.1,
    uci_accuracy=0.0,
    uci_brier=1.0,
    uci_calibration_error=1.0,
    cv_macro_f1=0.1,
    cv_calibration_error=1.0,
)


def silent(step: str) -> None:
    """Takes a report of progress and says nothing."""


def library(folder: Path, **environ: Any) -> Library:
    """A library that finds no program unless told where."""
    return Library(cache=folder / "archives", environ=environ, tools=folder / "no-tools")
