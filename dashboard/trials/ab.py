"""The A/B test as it is told: a sentence that somebody typed, a run, and what a person labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from dashboard.trials.ab_pairs import pair_from_json, pair_to_json
from dashboard.trials.base import Step
from probes.ab_judge import Judgements
from probes.ab_report import Run
from probes.ab_tally import Pair, Tally
from probes.labelling import Choice, Labelling
from probes.verdict import Verdict
from rollout.evidence import SignTest


@dataclass(frozen=True, slots=True)
class Begun:
    """A run over the corpus begins; the one before it is forgotten."""

    pointer: str
    """Where the answer is in a body."""
    served: tuple[tuple[str, str], ...]
    """Each instance and its version, as they are declared; the first two are compared."""
    source: str
    """The name of the corpus."""
    corpus: int
    """How many rows it has."""
    planned: int
    """How many of them will be asked."""
    seed: int
    margin: float
    """How much slower the second version may be: 0.2 is 20 %."""

    def to_json(self) -> dict[str, Any]:
        """As a recording keeps it."""
        return {
            "kind": "begun",
            "pointer": self.pointer,
            "served": [list(entry) for entry in self.served],
            "source": self.source,
            "corpus": self.corpus,
            "planned": self.planned,
            "seed": self.seed,
            "margin": self.margin,
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """One row of the corpus was answered."""

    pair: Pair

    def to_json(self) -> dict[str, Any]:
        """As a recording keeps it."""
        return {"kind": "asked", **pair_to_json(self.pair)}


@dataclass(frozen=True, slots=True)
class Finished:
    """The run is over."""

    seconds: float
    problem: str = ""
    """Why it ended before its time, "" if it did not."""
    stopped: bool = False
    """By a person."""

    def to_json(self) -> dict[str, Any]:
        """As a recording keeps it."""
        ended = {"problem": self.problem, "stopped": self.stopped}
        return {"kind": "finished", "seconds": self.seconds, **ended}


@dataclass(frozen=True, slots=True)
class Sentence:
    """What somebody typed was answered. It counts nowhere."""

    pointer: str
    versions: tuple[str, str]
    pair: Pair

    def to_json(self) -> dict[str, Any]:
        """As a recording keeps it."""
        named = {"pointer": self.pointer, "versions": list(self.versions)}
        return {"kind": "sentence", **named, **pair_to_json(self.pair)}


@dataclass(frozen=True, slots=True)
class LabellingBegun:
    """A person begins to label the disagreements of the run."""

    seed: int
    """Shuffles questions and sides."""

    def to_json(self) -> dict[str, Any]:
        """As a recording keeps it."""
        return {"kind": "labelling begun", "seed": self.seed}


@dataclass(frozen=True, slots=True)
class Labelled:
    """The answer to the present question."""

    choice: Choice

    def to_json(self) -> dict[str, Any]:
        """As a recording keeps it."""
        return {"kind": "labelled", "choice": self.choice.value}


class AbRun:
    """One run over the corpus."""

    def __init__(self, begun: Begun) -> None:
        self.begun = begun
        self.tally = Tally(begun.pointer, dict(begun.served), begun.planned, begun.margin)
        self.finished: Finished | None = None
        self.labelling: Labelling | None = None
        """None until somebody labels."""
        self._judged: tuple[tuple[int, int, str], Judgements] | None = None

    def result(self, seconds: float, problem: str = "") -> Run:
        """What the engine reports; where no end was told, after so many seconds."""
        done = self.finished or Finished(seconds, problem)
        return Run(
            self.tally,
            self.begun.seed,
            self.begun.corpus,
            done.seconds,
            done.problem,
            done.stopped,
            self.labelling,
        )

    def judgements(self, problem: str = "") -> Judgements:
        """What it shows so far. Made anew only if something has come: it sorts all times."""
        run = self.result(0, problem)
        labelled = -1 if self.labelling is None else self.labelling.asked
        key = (self.tally.pairs, labelled, run.stopped)
        if self._judged is None or self._judged[0] != key:
            self._judged = (key, run.judgements)
        return self._judged[1]


class AbState:
    """The last sentence and the last run."""

    def __init__(self) -> None:
        self.sentence: Sentence | None = None
        self.run: AbRun | None = None

    def apply(self, step: Any) -> None:
        """Fold one step in. What does not fit, as in half a recording, is passed over."""
        run = self.run
        match step:
            case Sentence():
                self.sentence = step
            case Begun():
                self.run = AbRun(step)
            case Asked() if run is not None and run.tally.pairs < run.begun.planned:
                run.tally.add(step.pair)
            case Finished() if run is not None:
                run.finished = step
            case LabellingBegun() if run is not None and run.labelling is None:
                found, versions = run.tally.disagreements, run.tally.versions
                run.labelling = Labelling(found, versions, step.seed)
            case Labelled() if run is not None and run.labelling is not None:
                if not run.labelling.is_over:
                    run.labelling.answer(step.choice)

    @property
    def outcome(self) -> Verdict | None:
        """Whether the second version may take the place of the first, by the last run."""
        return None if self.run is None else self.run.judgements().overall.verdict


def step_from_json(value: dict[str, Any]) -> Step:
    """The inverse of `to_json`. Raises ValueError, KeyError, TypeError."""
    match value["kind"]:
        case "begun":
            return _begun(value)
        case "asked":
            return Asked(pair_from_json(value))
        case "finished":
            seconds, stopped = float(value["seconds"]), bool(value["stopped"])
            return Finished(seconds, str(value["problem"]), stopped)
        case "sentence":
            first, second = map(str, value["versions"])
            return Sentence(str(value["pointer"]), (first, second), pair_from_json(value))
        case "labelling begun":
            return LabellingBegun(int(value["seed"]))
        case "labelled":
            return Labelled(Choice(value["choice"]))
    raise ValueError(f"unknown step {value['kind']!r}")


def _begun(value: dict[str, Any]) -> Begun:
    begun = Begun(
        pointer=str(value["pointer"]),
        served=tuple((str(name), str(version)) for name, version in value["served"]),
        source=str(value["source"]),
        corpus=int(value["corpus"]),
        planned=int(value["planned"]),
        seed=int(value["seed"]),
        margin=float(value["margin"]),
    )
    if len({version for _, version in begun.served}) < 2:
        raise ValueError("a run compares two versions")
    if begun.planned < 1 or not (math.isfinite(begun.margin) and begun.margin > 0):
        raise ValueError(f"a run of {begun.planned} pairs with a margin of {begun.margin}")
    return begun


@lru_cache(maxsize=8)
def watched_p(test: SignTest) -> float:
    """The p of a test that was watched. Kept: it takes half a second for thousands of pairs."""
    return test.p_value
