"""The cached evaluation of the models, and whether it passes the gates."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from services.training.evaluate import Metrics
from services.training.gates import PARITY, UCI_GAIN, Gate
from services.training.publish import replace_text

EVALUATION: Final = "evaluation.json"


@dataclass(slots=True)
class Evaluation:
    """Figures of one version; None for what was not measured.

    The cross-validation is of the data and code behind `key`, the UCI figures are of
    the model whose digest is `model`.
    """

    key: str
    cross_validation: Metrics | None = None
    model: str | None = None
    uci: Metrics | None = None


def read_evaluations(models_dir: Path) -> dict[str, Evaluation]:
    """The stored evaluations by version; none where the file is missing or damaged."""
    try:
        stored: dict[str, Any] = json.loads((models_dir / EVALUATION).read_bytes())
        return {version: Evaluation(**entry) for version, entry in stored.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # a cache: what it lacks is measured again


def write_evaluations(models_dir: Path, evaluations: Mapping[str, Evaluation]) -> None:
    """Store the evaluations; a reader sees the old file or the new one."""
    stored = {version: asdict(entry) for version, entry in evaluations.items()}
    replace_text(models_dir / EVALUATION, json.dumps(stored, indent=2, sort_keys=True) + "\n")


def missed_training_gates(version: str, gate: Gate, metrics: Mapping[str, float]) -> list[str]:
    """What a training misses on the held-out tenth; empty where it passes."""
    missed = []
    least = gate.held_out_macro_f1
    if metrics["macro_f1"] < least:
        missed.append(_line(version, "held-out macro-F1", metrics["macro_f1"], ">=", least))
    if metrics["folding_error"] > PARITY:
        missed.append(
            _line(version, "distance to the pipeline", metrics["folding_error"], "<=", PARITY)
        )
    return missed


def missed_uci_gates(version: str, gate: Gate, metrics: Mapping[str, float]) -> list[str]:
    """What a version misses on the UCI set."""
    missed = []
    if metrics["accuracy"] < gate.uci_accuracy:
        missed.append(_line(version, "UCI accuracy", metrics["accuracy"], ">=", gate.uci_accuracy))
    if metrics["brier"] > gate.uci_brier:
        missed.append(_line(version, "UCI Brier score", metrics["brier"], "<=", gate.uci_brier))
    if metrics["calibration_error"] > gate.uci_calibration_error:
        missed.append(
            _line(
                version,
                "UCI calibration error",
                metrics["calibration_error"],
                "<=",
                gate.uci_calibration_error,
            )
        )
    return missed


def missed_uci_gain(v1: Mapping[str, float], v2: Mapping[str, float]) -> list[str]:
    """What v2 misses over v1 on the UCI set."""
    gain = v2["accuracy"] - v1["accuracy"]
    return [] if gain >= UCI_GAIN else [_line("v2", "UCI accuracy over v1", gain, ">=", UCI_GAIN)]


def missed_cv_gates(version: str, gate: Gate, metrics: Mapping[str, float]) -> list[str]:
    """What a version misses in cross-validation."""
    missed = []
    if metrics["macro_f1"] < gate.cv_macro_f1:
        missed.append(
            _line(version, "cross-validated macro-F1", metrics["macro_f1"], ">=", gate.cv_macro_f1)
        )
    if metrics["calibration_error"] > gate.cv_calibration_error:
        missed.append(
            _line(
                version,
                "cross-validated calibration error",
                metrics["calibration_error"],
                "<=",
                gate.cv_calibration_error,
            )
        )
    return missed


def _line(version: str, what: str, found: float, relation: str, bound: float) -> str:
    return f"{version}: {what} is {found:.4g}, must be {relation} {bound:g}"
