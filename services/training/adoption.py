"""Loads somebody's model and writes its folder; runs in a process of its own.

    python -m services.training.adoption FILE FOLDER SLOT NAME REPORT

Whatever the file does while it is loaded, this process is all that it can take down.
REPORT gets a line of JSON: {"adopted": ...} or {"refused": reason}.
"""

import json
import random
import shutil
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import sklearn

from services.artefact import (
    FOLDED,
    FORMAT,
    PIPELINE,
    Backend,
    Origin,
    file_entry,
    folded_scorer,
)
from services.folded import encode
from services.scorer import Scorer
from services.sklearn_backend import SklearnScorer, Unusable, load_pipeline
from services.training.adopted_fold import CannotFold, fold_adopted
from services.training.gates import PARITY
from services.training.probe_texts import ODD, PLAIN
from services.training.train import environment, probe_digest, write_manifest

SAMPLES: Final = 200
"""Texts made of the model's own words that the folded model is compared on."""

_MOST_WORDS: Final = 40


def adopt(source: Path, folder: Path, slot: str, name: str) -> dict[str, Any]:
    """Write model.joblib, manifest.json and, where possible, model.folded into `folder`.

    Returns the manifest. `name` is what the file is called for whoever gave it.
    Raises Unusable with the reason for a model that cannot be served.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = load_pipeline(source.read_bytes())
    other = _other_release(caught)
    scorer: Scorer = SklearnScorer(model)
    try:
        _require_answers(model, scorer.classes)
    except Unusable as error:
        raise Unusable(f"{error}{other and f' ({other})'}") from error
    folder.mkdir(parents=True)
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "version": slot,
        "origin": Origin.ADOPTED.value,
        "classes": list(scorer.classes),
        "source": {"name": name, "model": type(model).__name__},
        "environment": environment(),
        "warning": other or None,
    }
    try:
        content, distance = _folded(model, scorer.classes)
        (folder / FOLDED).write_bytes(content)
        scorer = folded_scorer(content)
        manifest |= {"backend": Backend.FOLDED.value, "folding_error": distance}
    except CannotFold as reason:
        manifest |= {"backend": Backend.SKLEARN.value, "not_folded_because": str(reason)}
    shutil.copyfile(source, folder / PIPELINE)
    names = [name for name in (FOLDED, PIPELINE) if (folder / name).exists()]
    manifest["files"] = {name: file_entry(folder / name) for name in names}
    manifest["probes"] = {"texts": len(_askable()), "digest": probe_digest(scorer, _askable())}
    write_manifest(folder, manifest)
    return manifest


def _askable() -> tuple[str, ...]:
    """The fixed texts, but for those that no JSON body can hold."""
    return tuple(
        text for text in (*PLAIN, *ODD) if not any("\ud800" <= c <= "\udfff" for c in text)
    )


def _other_release(caught: Sequence[warnings.WarningMessage]) -> str:
    for warning in caught:
        saved_by = getattr(warning.message, "original_sklearn_version", None)
        if saved_by:
            return f"saved by scikit-learn {saved_by}, here is {sklearn.__version__}"
    return ""


def _require_answers(model: Any, classes: tuple[str, ...]) -> None:
    """Raises Unusable where a text has no answer, or one that is no probability."""
    texts = _askable()
    for text in texts:
        try:
            rows = np.asarray(model.predict_proba([text]), dtype=float)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            raise Unusable(f"predict_proba([{_short(text)}]) fails: {reason}") from error
        if rows.shape != (1, len(classes)):
            raise Unusable(
                f"predict_proba([{_short(text)}]) has the shape {rows.shape}, not (1, "
                f"{len(classes)}): it must take a list of texts and know one label for each"
            )
        if not np.isfinite(rows).all() or rows.min() < 0 or abs(rows.sum() - 1) > 1e-6:
            raise Unusable(f"the probabilities of {_short(text)} are {rows[0].tolist()}")


def _short(text: str) -> str:
    return ascii(text if len(text) <= 40 else text[:37] + "...")


def _folded(model: Any, classes: tuple[str, ...]) -> tuple[bytes, float]:
    """The folded artefact, and how far its answers are from the model's. Raises CannotFold."""
    try:
        folded = fold_adopted(model, classes)
        content = encode(folded)
        scorer = folded_scorer(content)
    # Pickles of other releases lack attributes; a term may hold a line feed.
    except (AttributeError, TypeError, ValueError) as error:
        raise CannotFold(f"{type(error).__name__}: {error}") from error
    texts = [*_askable(), *own_sentences(folded.terms)]
    expected = np.asarray(model.predict_proba(texts))
    scores = [scorer.score(text) for text in texts]
    worst = float(np.abs(np.array([score.probabilities for score in scores]) - expected).max())
    if not worst <= PARITY:
        raise CannotFold(f"the tables' probabilities differ from the model's by {worst:.2g}")
    for score, row, label in zip(scores, expected, model.predict(texts), strict=True):
        first, second = np.sort(row)[:-3:-1]
        if score.label != str(label) and first - second > PARITY:
            raise CannotFold(f"the tables say {score.label!r} where the model says {str(label)!r}")
    return content, worst


def own_sentences(terms: Sequence[str]) -> list[str]:
    """Texts of the model's own words, some repeated, the same for the same terms."""
    words = sorted({word for term in terms for word in term.split()}) or [""]
    draw = random.Random(len(words))  # noqa: S311 - a sample, no secret
    return [
        " ".join(draw.choices(words, k=draw.randint(1, min(_MOST_WORDS, 2 * len(words)))))
        for _ in range(SAMPLES)
    ]


def main(arguments: Sequence[str]) -> int:
    """Adopt, and leave the outcome in the report."""
    source, folder, slot, name, report = arguments
    try:
        outcome: dict[str, Any] = {"adopted": adopt(Path(source), Path(folder), slot, name)}
    except Unusable as error:
        outcome = {"refused": str(error)}
    Path(report).write_text(json.dumps(outcome), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
