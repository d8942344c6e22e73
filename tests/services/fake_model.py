"""A model of five words, and the application around it: nothing to train, nothing to load."""

from fastapi import FastAPI

from services.app import build_app
from services.scorer import Score, Scorer
from services.settings import load_settings

CLASSES = ("negative", "neutral", "positive")
DIGEST = "0123456789ab"
EXPLODES = "explode"
"""The sentence at which the model raises ModelFault."""

_WEIGHTS = {"awful": -2.0, "bad": -1.0, "good": 1.0, "great": 2.0}


class ModelFault(Exception):
    """A defect in the model, as the service would meet it."""


class FakeScorer:
    """Adds the weights of the words it knows."""

    def __init__(self, classes: tuple[str, str, str] = CLASSES) -> None:
        self.classes = classes

    def score(self, text: str) -> Score:
        if text == EXPLODES:
            raise ModelFault(text)
        known = self.explain(text)
        total = sum(weight for _, weight in known)
        tokens = len(text.split())
        if total > 0:
            return Score(self.classes[2], (0.125, 0.25, 0.625), len(known), tokens)
        if total < 0:
            return Score(self.classes[0], (0.75, 0.125, 0.125), len(known), tokens)
        return Score(self.classes[1], (0.25, 0.5, 0.25), len(known), tokens)

    def explain(self, text: str) -> list[tuple[str, float]]:
        return [(word, _WEIGHTS[word]) for word in text.split() if word in _WEIGHTS]

    def score_and_explain(self, text: str) -> tuple[Score, list[tuple[str, float]]]:
        return self.score(text), self.explain(text)


def served(version: str, scorer: Scorer | None = None) -> FastAPI:
    """The application of the instance "<version>-1" around `scorer` (None: the fake one)."""
    settings = load_settings({"MODEL_VERSION": version, "INSTANCE": f"{version}-1"})
    return build_app(settings, scorer or FakeScorer(), DIGEST)


def create_app() -> FastAPI:
    """A factory for `uvicorn --factory`."""
    return served("v1")
