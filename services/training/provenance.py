"""Which data and which code a model comes from, as digests.

Nothing here imports scikit-learn: `--if-needed` compares these digests in a moment.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

_SERVICES: Final = Path(__file__).resolve().parent.parent

MODEL_CODE: Final = (
    "folded.py",
    "lexicon.py",
    "tokens.py",
    "training/cleaning.py",
    "training/corpora.py",
    "training/fold.py",
    "training/pipelines.py",
    "training/probe_texts.py",
    "training/recipes.py",
    "training/train.py",
    "training/uci-overlap.txt",
)
"""The files that a model's weights and its manifest depend on."""

VALIDATION_CODE: Final = (*MODEL_CODE, "training/evaluate.py", "training/metrics.py")
"""The files that the figures of a cross-validation depend on."""


def code_digest(files: Iterable[str] = MODEL_CODE) -> str:
    """sha256 over the names and contents of these files of the services package."""
    digest = hashlib.sha256()
    for name in sorted(files):
        content = (_SERVICES / name).read_bytes()
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def data_digest(files: Mapping[str, str]) -> str:
    """sha256 over the names and digests of the data files."""
    return hashlib.sha256(json.dumps(dict(files), sort_keys=True).encode()).hexdigest()


def validation_key(files: Mapping[str, str]) -> str:
    """What a cached cross-validation is valid for: data, code and scikit-learn's version."""
    parts = (data_digest(files), code_digest(VALIDATION_CODE), version("scikit-learn"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def uci_overlap() -> frozenset[str]:
    """Digests of the texts that the UCI set shares with the training corpora."""
    lines = (_SERVICES / "training" / "uci-overlap.txt").read_text(encoding="ascii").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))
