"""What every peer serves: v1 of var/models, as a function from a text to its class.

PEER_MODEL=pipeline  `predict` of the scikit-learn pipeline, as the peers' own examples do it
PEER_MODEL=folded    the same model folded into a table, as our services serve it
"""

import os
from collections.abc import Callable
from pathlib import Path

import joblib

from services.artefact import load

PIPELINE = "pipeline"
FOLDED = "folded"


def answering() -> Callable[[str], str]:
    """The function. Raises KeyError without PEER_MODEL and MODELS_DIR, or what loading raises."""
    folder = Path(os.environ["MODELS_DIR"]) / "v1"
    if os.environ["PEER_MODEL"] == FOLDED:
        scorer = load(folder).scorer
        return lambda text: scorer.score(text).label
    pipeline = joblib.load(folder / "model.joblib")
    return lambda text: str(pipeline.predict([text])[0])
