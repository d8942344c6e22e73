"""Models that no service can answer with, and one that it can."""

import os
from typing import Any


class Numbers:
    """A classifier that is no estimator: two numeric classes, no vocabulary."""

    classes_ = (0, 1)

    def predict_proba(self, texts: list[str]) -> Any:
        import numpy as np

        return np.array([[0.25, 0.75] if "yes" in text else [0.5, 0.5] for text in texts])


class NoProbabilities:
    classes_ = ("a", "b")


class OneShape(Numbers):
    classes_ = ("a", "b", "c")  # type: ignore[assignment]


class Same(Numbers):
    classes_ = ("a", "a")  # type: ignore[assignment]


class Untrained:
    def predict_proba(self, texts: list[str]) -> Any:
        raise AssertionError


class FailsOnEmpty(Numbers):
    def predict_proba(self, texts: list[str]) -> Any:
        if "" in texts:
            raise KeyError("no words")
        return super().predict_proba(texts)


class NotANumber(Numbers):
    def predict_proba(self, texts: list[str]) -> Any:
        return super().predict_proba(texts) * float("nan")


class Exits:
    def __reduce__(self) -> tuple[Any, tuple[int]]:
        return os._exit, (7,)
