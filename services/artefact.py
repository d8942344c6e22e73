"""A model's folder: its manifest, and files that must match it.

    manifest.json   what the model is made of, and the sha256 of every file
    model.folded    the tables that are served
    model.joblib    the scikit-learn pipeline they come from; never loaded here

A manifest names every file with its sha256, so that the first 12 digits of the
manifest's own digest name the model.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

from services.folded import FoldedError, decode
from services.scorer import FoldedScorer

MANIFEST: Final = "manifest.json"
FOLDED: Final = "model.folded"
PIPELINE: Final = "model.joblib"
FORMAT: Final = 1
DIGEST_LENGTH: Final = 12

_RETRAIN: Final = "run `make gen-model` to train it again"


class ArtefactError(Exception):
    """A model's folder is missing, altered or unreadable; the message names the file."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A verified model, ready to answer. `digest` is the name shown to clients."""

    version: str
    digest: str
    manifest: dict[str, Any]
    scorer: FoldedScorer


def load(model_dir: Path) -> Artefact:
    """Verify every file of a model's folder, then load its tables.

    Raises ArtefactError naming the file, and both digests where the content differs.
    """
    manifest, digest = read_manifest(model_dir)
    if manifest["backend"] != "folded":
        raise ArtefactError(
            f"{model_dir / MANIFEST}: backend {manifest['backend']!r} is not known to this version"
        )
    for name, entry in manifest["files"].items():
        if name != FOLDED:
            _verify(model_dir / name, entry)
    tables = _verified(model_dir / FOLDED, manifest["files"][FOLDED])
    try:
        scorer = FoldedScorer(decode(tables))
    except FoldedError as error:
        raise ArtefactError(f"{model_dir / FOLDED}: {error}; {_RETRAIN}") from error
    return Artefact(manifest["version"], digest, manifest, scorer)


def read_manifest(model_dir: Path) -> tuple[dict[str, Any], str]:
    """The manifest of a model's folder and the model's digest, nothing else verified.

    Raises ArtefactError where there is no manifest of this version's format.
    """
    path = model_dir / MANIFEST
    try:
        content = path.read_bytes()
        manifest = json.loads(content)
    except FileNotFoundError:
        raise ArtefactError(f"{path} is missing; {_RETRAIN}") from None
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
        or FOLDED not in files
        or not all(_is_entry(name, entry) for name, entry in files.items())
    ):
        raise ArtefactError(f"{path} lacks version, backend or files; {_RETRAIN}")


def _is_entry(name: str, entry: Any) -> bool:
    return (
        Path(name).name == name  # no way out of the folder
        and isinstance(entry, dict)
        and isinstance(entry.get("sha256"), str)
        and isinstance(entry.get("size"), int)
    )


def _verify(path: Path, entry: dict[str, Any]) -> None:
    """Check a file that is not used here, without holding it in memory."""
    with _opened(path) as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    _compare(path, entry, found)


def _verified(path: Path, entry: dict[str, Any]) -> bytes:
    """The content of a file, once it is what the manifest says.

    The same bytes are verified and used: a file that changes in between is no risk.
    """
    with _opened(path) as file:
        content = file.read()
    _compare(path, entry, hashlib.sha256(content).hexdigest())
    return content


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise ArtefactError(f"{path}: {error.strerror}; {_RETRAIN}") from error


def _compare(path: Path, entry: dict[str, Any], found: str) -> None:
    if found != entry["sha256"]:
        raise ArtefactError(
            f"{path} does not match its manifest: expected sha256 {entry['sha256']}, "
            f"found {found}; do not use it, {_RETRAIN}"
        )
