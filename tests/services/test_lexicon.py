import math

import pytest

from services.lexicon import sums, valences

LEXICON = {"good": 2.0, "bad": -3.0, "void": 0.0}


def test_only_rated_tokens_count() -> None:
    assert valences(["good", "x", "void", "bad", "good"], LEXICON) == [
        (0, 2.0),
        (3, -3.0),
        (4, 2.0),
    ]


def test_the_four_sums() -> None:
    found = [(0, 2.0), (1, -3.0), (3, 1.5), (4, -1.0), (5, 0.5)]
    expected = [2.5, -3.0, 1.5, -1.0]
    divisor = math.sqrt(12 + 4)
    assert sums(found, [3, 4], 12) == pytest.approx([total / divisor for total in expected])


def test_a_text_without_rated_tokens_has_none() -> None:
    assert sums([], [], 0) == (0.0, 0.0, 0.0, 0.0)
