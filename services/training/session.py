"""One run of the training: what is outdated, train it, measure it, publish it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, Final

from services.artefact import Origin, load, read_manifest
from services.training import evaluation
from services.training.archives import UCI, DataMissing, Library
from services.training.cleaning import Row, overlap, unique
from services.training.corpora import PublicSource, Source, read_uci_rows
from services.training.evaluate import uci_metrics
from services.training.evaluation import Evaluation, read_evaluations, write_evaluations
from services.training.gates import GATES, Gate
from services.training.material import Material, held_out_csv, material_of
from services.training.model_card import CARD, model_card
from services.training.provenance import validation_key
from services.training.publish import (
    exclusive,
    origin,
    outdated,
    publish,
    replace_text,
    workspace,
)
from services.training.recipes import RECIPES, Recipe
from services.training.workers import Job, progress
from services.training.workers import run as run_workers

_KEPT: Final = {
    Origin.ADOPTED: "is an adopted model and stays",
    Origin.OWN_DATA: "is trained on your own data and stays",
    Origin.PROMOTED: "was made the baseline by a rollout and stays",
}
_BACK: Final = "replaces the adopted model; back to that: `make adopt UNDO=1 SLOT="


class GateMissed(Exception):
    """A model is not as good as it must be; the message lists what it misses."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to train and to measure, and where.

    `every_gate` makes it a failure that the UCI set is not to be had.
    """

    recipes: tuple[Recipe, ...]
    if_needed: bool
    cross_validate: bool
    models_dir: Path
    held_out: Path
    library: Library
    every_gate: bool
    source: Source = field(default_factory=PublicSource)
    gates: Mapping[str, Gate] = field(default_factory=lambda: GATES)


def run(options: Options) -> None:
    """Bring models, held-out file and evaluation up to date.

    Raises DataError for data that cannot be had or is altered, WorkerFailed where a
    training breaks off, and GateMissed where a model is not good enough: then nothing
    is published.
    """
    say = progress("gen_model")
    with exclusive(options.models_dir, say), workspace(options.models_dir) as folder:
        _Session(options, folder).run()


class _Session:
    """The state of one run; `folder` takes unfinished models."""

    def __init__(self, options: Options, folder: Path) -> None:
        self.options = options
        self.folder = folder
        self.say = progress("gen_model")
        key = validation_key(options.source.files)
        known = read_evaluations(options.models_dir)
        self.evaluations = {
            version: entry
            if (entry := known.get(version)) and entry.key == key
            else Evaluation(key)
            for version in RECIPES
        }
        self.trained: set[str] = set()
        self.missed: list[str] = []
        # What others made is replaced when asked for, not in passing.
        in_passing = options.if_needed and options.source.origin is Origin.SHIPPED
        self.kept = {
            recipe.version: there
            for recipe in options.recipes
            if (there := origin(options.models_dir, recipe.version)) is not Origin.SHIPPED
            and in_passing
        }
        self.recipes = tuple(r for r in options.recipes if r.version not in self.kept)
        self.changed = False

    def run(self) -> None:
        """Do what is needed, in the order: train, measure, judge, publish."""
        for version, there in self.kept.items():
            self.say(f"{version} {_KEPT[there]}; `make gen-model` puts the shipped one back")
        training = [recipe for recipe in self.recipes if self._must_train(recipe)]
        validating = [recipe for recipe in self.recipes if self._must_validate(recipe)]
        material = None
        if training or validating or self._must_write_held_out():
            material = self._material()
            self._work(training, validating, material)
        uci = self._uci_rows() if training or self.options.cross_validate else []
        self._measure(uci)
        self._judge(material, uci)
        if self.missed:
            raise GateMissed("\n  ".join(("not good enough, nothing was published:", *self.missed)))
        self._publish(material)

    def _must_train(self, recipe: Recipe) -> bool:
        if not self.options.if_needed:
            return True
        reason = outdated(self.options.models_dir, recipe, self.options.source.files)
        if reason is None and self.options.cross_validate:
            # Measured is the model of the libraries that are installed. (Served, it
            # needs none of them, so that alone is no reason to train at start.)
            manifest, _ = read_manifest(self.options.models_dir / recipe.version)
            if manifest["environment"]["scikit-learn"] != installed_version("scikit-learn"):
                reason = "another scikit-learn is installed"
        if reason:
            self.say(f"{recipe.version}: {reason}")
        return reason is not None

    def _must_write_held_out(self) -> bool:
        if self.options.held_out.is_file():
            return False
        if Origin.OWN_DATA not in self.kept.values():
            return True
        self.say(f"{self.options.held_out} is missing: `make gen-model DATA=...` writes it again")
        return False

    def _must_validate(self, recipe: Recipe) -> bool:
        known = self.evaluations[recipe.version].cross_validation
        return self.options.cross_validate and not (self.options.if_needed and known)

    def _material(self) -> Material:
        material = material_of(self.options.source.read(self.options.library))
        split = material.split
        self.say(f"data: {len(split.train)} texts to train on, {len(split.held_out)} held out")
        return material

    def _work(
        self, training: Sequence[Recipe], validating: Sequence[Recipe], material: Material
    ) -> None:
        jobs = [
            Job(
                recipe,
                self.folder / recipe.version if recipe in training else None,
                recipe in validating,
            )
            for recipe in self.recipes
            if recipe in training or recipe in validating
        ]
        if not jobs:
            return
        for result in run_workers(jobs, material):
            entry = self.evaluations[result.version]
            if result.manifest:
                self.trained.add(result.version)
                entry.model, entry.uci = None, None
                metrics = result.manifest["metrics"]["held_out"]
                self.missed += evaluation.missed_training_gates(
                    result.version, self.options.gates[result.version], metrics
                )
            if result.cross_validation:
                entry.cross_validation = result.cross_validation
        self.changed = True
        self.say(" and ".join(job.recipe.version for job in jobs) + " done")

    def _uci_rows(self) -> list[Row]:
        """The UCI set; empty where it is not here and need not or cannot be fetched."""
        if self.options.source.origin is not Origin.SHIPPED:
            self.say("NOT MEASURED: the UCI set, which is for the shipped models")
            return []
        library = self.options.library
        try:
            path = library.get(UCI) if self.options.cross_validate else library.present(UCI)
        except DataMissing as error:
            path = None
            if self.options.every_gate:
                self.missed.append(f"the UCI gate could not be run (CI=true): {error}")
            else:
                self.say(f"NOT MEASURED: the UCI gate was not run: {error}")
        return unique(read_uci_rows(path)) if path else []

    def _folder_of(self, version: str) -> Path:
        return (self.folder if version in self.trained else self.options.models_dir) / version

    def _measure(self, uci: Sequence[Row]) -> None:
        if not uci:
            return
        for recipe in self.recipes:
            entry = self.evaluations[recipe.version]
            artefact = load(self._folder_of(recipe.version))
            measured = uci_metrics(artefact.scorer, uci)
            self.changed |= (entry.model, entry.uci) != (artefact.digest, measured)
            entry.model, entry.uci = artefact.digest, measured

    def _judge(self, material: Material | None, uci: Sequence[Row]) -> None:
        for recipe in self.recipes:
            entry, gate = self.evaluations[recipe.version], self.options.gates[recipe.version]
            if uci and entry.uci:
                self.missed += evaluation.missed_uci_gates(recipe.version, gate, entry.uci)
            if self.options.cross_validate and entry.cross_validation:
                self.missed += evaluation.missed_cv_gates(
                    recipe.version, gate, entry.cross_validation
                )
        v1, v2 = self.evaluations["v1"].uci, self.evaluations["v2"].uci
        if uci and v1 and v2 and not self.kept:
            self.missed += evaluation.missed_uci_gain(v1, v2)
        if material and self.options.cross_validate:
            split = material.split
            for name, other in (("held-out", split.held_out), ("UCI", uci)):
                if shared := overlap(split.train, other):
                    self.missed.append(f"{len(shared)} {name} texts are also trained on")

    def _publish(self, material: Material | None) -> None:
        if material:
            replace_text(self.options.held_out, held_out_csv(material.split.held_out))
        if self.changed:
            for version in self.trained:
                there = origin(self.options.models_dir, version)
                keep = there is not Origin.SHIPPED  # the one of those is trained in a minute
                if there is Origin.ADOPTED:
                    self.say(f"{version}: {_BACK}{version}`")
                publish(self.folder / version, self.options.models_dir, version, keep)
            write_evaluations(self.options.models_dir, self.evaluations)
        for recipe in self.recipes:
            folder = self.options.models_dir / recipe.version
            manifest, digest = read_manifest(folder)
            entry = self.evaluations[recipe.version]
            if self.changed:
                replace_text(folder / CARD, model_card(manifest, digest, entry))
            state = "trained" if recipe.version in self.trained else "up to date"
            self.say(f"{recipe.version} {digest} {state}: {_figures(manifest, entry)}")


def _figures(manifest: dict[str, Any], entry: Evaluation) -> str:
    parts = [f"held-out macro-F1 {manifest['metrics']['held_out']['macro_f1']:.4f}"]
    if entry.uci:
        parts.append(f"UCI accuracy {entry.uci['accuracy']:.4f}, Brier {entry.uci['brier']:.4f}")
    if entry.cross_validation:
        parts.append(f"cross-validated macro-F1 {entry.cross_validation['macro_f1']:.4f}")
    return ", ".join(parts)
