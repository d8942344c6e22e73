"""A model's folder: its manifest, and files that must match it.

    manifest.json   what the model is made of, and the sha256 of every file
    model.folded    the tables that are served
    model.joblib    the scikit-learn pipeline they come from; not loaded here

A model that could not be turned into tables has no model.folded: its manifest names
the backend `sklearn`, and the pipeline itself answers.

A manifest names every file with its sha256, so that the first 12 digits of the
manifest's own digest name the model.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

from services.folded import decode
from services.ngram_scorer import NgramScorer
from services.ngrams import Ngrams
from services.scorer import FoldedScorer, Scorer

MANIFEST: Final = "manifest.json"
FOLDED: Final = "model.folded"
PIPELINE: Final = "model.joblib"
FORMAT: Final = 1
DIGEST_LENGTH: Final = 12

_RETRAIN: Final = "run `make gen-model` to train it again"
_FILL: Final = "run `make gen-model` for v1 and v2, or `make adopt MODEL=my.joblib SLOT="
_ADOPT_AGAIN: Final = "run `make adopt` again, or `make gen-model` for the shipped model"


class Backend(StrEnum):
    """What answers for a model."""

    FOLDED = "folded"
    SKLEARN = "sklearn"


class Origin(StrEnum):
    """Where a model comes from. Only a shipped one is trained anew without being asked."""

    SHIPPED = "shipped"
    OWN_DATA = "own data"
    ADOPTED = "adopted"
    PROMOTED = "promoted"
    """Trained for another version, whose rollout was finished: in no manifest, but seen by the
    folder that it is in."""


class ArtefactError(Exception):
    """A model's folder is missing, altered or unreadable; the message names the file."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A verified model, ready to answer. `digest` is the name shown to clients."""

    version: str
    digest: str
    manifest: dict[str, Any]
    scorer: Scorer

    @property
    def training(self) -> dict[str, int]:
        """Texts of each class that it was trained on; empty where the manifest does not say."""
        data = self.manifest.get("data")
        classes = data.get("train", {}).get("classes", {}) if isinstance(data, dict) else {}
        return {label: count for label, count in classes.items() if label in self.scorer.classes}


def load(model_dir: Path) -> Artefact:
    """Verify every file of a model's folder, then load its tables.

    Raises ArtefactError naming the file, and both digests where the content differs.
    """
    manifest, digest = read_manifest(model_dir)
    remedy = _remedy(manifest)
    served = FOLDED if manifest["backend"] == Backend.FOLDED else PIPELINE
    for name, entry in manifest["files"].items():
        if name != served:
            _verify(model_dir / name, entry, remedy)
    content = _verified(model_dir / served, manifest["files"][served], remedy)
    try:
        scorer = folded_scorer(content) if served == FOLDED else _sklearn_scorer(content)
    except ValueError as error:
        raise ArtefactError(f"{model_dir / served}: {error}; {remedy}") from error
    return Artefact(manifest["version"], digest, manifest, scorer)


def folded_scorer(content: bytes) -> Scorer:
    """The scorer for the bytes of a folded artefact. Raises FoldedError."""
    folded = decode(content)
    return (NgramScorer if isinstance(folded.analysis, Ngrams) else FoldedScorer)(folded)


def _sklearn_scorer(content: bytes) -> Scorer:
    # Only here: it costs a process 100 MB, which a folded model must not pay.
    from services.sklearn_backend import SklearnScorer, load_pipeline

    return SklearnScorer(load_pipeline(content))


def read_manifest(model_dir: Path) -> tuple[dict[str, Any], str]:
    """The manifest of a model's folder and the model's digest, nothing else verified.

    Raises ArtefactError where there is no manifest of this version's format.
    """
    path = model_dir / MANIFEST
    try:
        content = path.read_bytes()
        manifest = json.loads(content)
    except FileNotFoundError:
        raise ArtefactError(f"{path} is missing; {_FILL}{model_dir.name}`") from None
    except OSError as error:
        raise ArtefactError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise ArtefactError(f"{path} is not JSON ({error}); {_RETRAIN}") from error
    _check(path, manifest)
    return manifest, hashlib.sha256(content).hexdigest()[:DIGEST_LENGTH]


def _check(path: Path, manifest: Any) -> None:
    """Raises ArtefactError where the manifest lacks what `load` needs."""
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ArtefactError(f"{path} is not a manifest of format {FORMAT}; {_RETRAIN}")
    files = manifest.get("files")
    if (
        not isinstance(manifest.get("version"), str)
        or not isinstance(manifest.get("backend"), str)
        or not isinstance(files, dict)
        or not all(_is_entry(name, entry) for name, entry in files.items())
    ):
        raise ArtefactError(f"{path} lacks version, backend or files; {_RETRAIN}")
    if manifest["backend"] not in list(Backend):
        raise ArtefactError(f"{path}: backend {manifest['backend']!r} is not known to this version")
    served = FOLDED if manifest["backend"] == Backend.FOLDED else PIPELINE
    if served not in files:
        raise ArtefactError(f"{path} lacks version, backend or files; {_RETRAIN}")


def origin_of(manifest: dict[str, Any]) -> Origin:
    """Where the model of a manifest comes from."""
    given = manifest.get("origin")
    return Origin(given) if given in list(Origin) else Origin.SHIPPED


def file_entry(path: Path) -> dict[str, Any]:
    """What a manifest says of one of its files."""
    content = path.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def _remedy(manifest: dict[str, Any]) -> str:
    return _ADOPT_AGAIN if origin_of(manifest) is Origin.ADOPTED else _RETRAIN


def _is_entry(name: str, entry: Any) -> bool:
    return (
        Path(name).name == name  # no way out of the folder
        and isinstance(entry, dict)
        and isinstance(entry.get("sha256"), str)
        and isinstance(entry.get("size"), int)
    )


def _verify(path: Path, entry: dict[str, Any], remedy: str) -> None:
    """Check a file that is not used here, without holding it in memory."""
    with _opened(path, remedy) as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    _compare(path, entry, found, remedy)


def _verified(path: Path, entry: dict[str, Any], remedy: str) -> bytes:
    """The content of a file, once it is what the manifest says.

    The same bytes are verified and used: a file that changes in between is no risk.
    """
    with _opened(path, remedy) as file:
        content = file.read()
    _compare(path, entry, hashlib.sha256(content).hexdigest(), remedy)
    return content


@contextmanager
def _opened(path: Path, remedy: str) -> Iterator[BufferedReader]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise ArtefactError(f"{path}: {error.strerror}; {remedy}") from error


def _compare(path: Path, entry: dict[str, Any], found: str, remedy: str) -> None:
    if found != entry["sha256"]:
        raise ArtefactError(
            f"{path} does not match its manifest: expected sha256 {entry['sha256']}, "
            f"found {found}; do not use it, {remedy}"
        )
