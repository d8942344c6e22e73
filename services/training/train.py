"""Trains one version and writes its folder; runs in a process of its own."""

import hashlib
import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
import sklearn
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

from services.artefact import FOLDED, FORMAT, MANIFEST, PIPELINE, Backend, file_entry
from services.folded import encode
from services.scorer import FoldedScorer, Scorer
from services.training.cleaning import Row
from services.training.evaluate import held_out_metrics
from services.training.fold import fold
from services.training.material import Material
from services.training.pipelines import fit, probabilities, save, vectorizer
from services.training.probe_texts import ODD, PLAIN
from services.training.provenance import code_digest, data_digest
from services.training.recipes import SEED, Recipe

_PROBE_DIGITS: Final = 4


def train(
    recipe: Recipe, material: Material, folder: Path, say: Callable[[str], None]
) -> dict[str, Any]:
    """Train a version and write model.joblib, model.folded and manifest.json into `folder`.

    Returns the manifest. The same material, code and machine give the same bytes.
    Raises NotConverged where the optimiser stops at its iteration limit.
    """
    split = material.split
    say(f"fitting to {len(split.train)} texts")
    pipeline = fit(recipe, material.lexicon, split.train)
    iterations = int(max(pipeline.named_steps["classifier"].n_iter_))
    terms = len(vectorizer(pipeline).vocabulary_)
    say(f"fitted {terms} terms in {iterations} iterations")
    folded = fold(recipe, pipeline, material.lexicon)
    scorer = FoldedScorer(folded)
    metrics = held_out_metrics(scorer, split.held_out)
    metrics["folding_error"] = folding_error(scorer, pipeline, split.held_out)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FOLDED).write_bytes(encode(folded))
    save(pipeline, folder / PIPELINE)
    manifest = {
        "format": FORMAT,
        "version": recipe.version,
        "origin": material.origin.value,
        "backend": Backend.FOLDED.value,
        "classes": list(folded.classes),
        "created": os.environ.get("SOURCE_DATE_EPOCH"),
        "files": {name: file_entry(folder / name) for name in (FOLDED, PIPELINE)},
        "data": {
            "name": material.name,
            "files": material.files,
            "digest": data_digest(material.files),
            "train": _counts(split.train),
            "held_out": _counts(split.held_out),
            "dropped": split.dropped,
        },
        "code": code_digest(),
        "recipe": asdict(recipe),
        "fit": {"terms": terms, "iterations": iterations, "seed": SEED},
        "environment": environment(),
        "metrics": {"held_out": metrics},
        "probes": {"texts": len(PLAIN) + len(ODD), "digest": probe_digest(scorer)},
    }
    write_manifest(folder, manifest)
    return manifest


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write manifest.json into a model's folder."""
    text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def folding_error(scorer: FoldedScorer, pipeline: Pipeline, rows: tuple[Row, ...]) -> float:
    """Largest difference of a probability between the folded model and its pipeline.

    Over the given rows and the texts of `probe_texts`.
    """
    texts = [row.text for row in rows] + [*PLAIN, *ODD]
    folded = np.array([scorer.score(text).probabilities for text in texts])
    return float(np.abs(folded - probabilities(pipeline, texts)).max())


def probe_digest(scorer: Scorer, texts: Sequence[str] = (*PLAIN, *ODD)) -> str:
    """sha256 of the labels and rounded probabilities that the probe texts get.

    Rounded, because the last digits of the weights depend on the machine.
    """
    answers = [
        [score.label, *(round(p, _PROBE_DIGITS) for p in score.probabilities)]
        for score in map(scorer.score, texts)
    ]
    return hashlib.sha256(json.dumps(answers).encode()).hexdigest()


def _counts(rows: tuple[Row, ...]) -> dict[str, Any]:
    labels = [row.label for row in rows]
    classes = {label: labels.count(label) for label in sorted(set(labels))}
    return {"rows": len(rows), "classes": classes}


def environment() -> dict[str, Any]:
    """What the last digits of the weights depend on."""
    blas = [
        {key: pool.get(key) for key in ("internal_api", "version", "architecture", "num_threads")}
        for pool in threadpool_info()
        if pool.get("user_api") == "blas"
    ]
    return {
        "python": platform.python_version(),
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
        "scipy": version("scipy"),
        "joblib": joblib.__version__,
        "machine": platform.machine(),
        "blas": sorted(blas, key=str),
    }
