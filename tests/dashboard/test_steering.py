"""No text from outside steers a terminal, by whatever function it comes to be a line.

The functions are found by what they give back, so that a new one cannot be forgotten.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dashboard
import probes
import probes.checks
import rollout
from tests.dashboard import printed_texts, shown_screens  # noqa: F401 - they fill CASES
from tests.dashboard.hostile_world import World
from tests.dashboard.line_cases import CASES
from tests.dashboard.poisoned import HOSTILE
from tests.torture import SENTENCES

OF_THEIR_OWN = {
    "dashboard.ab_answer_lines.label": "a title of ours",
    "dashboard.headline.rule": "a title that was made safe",
    "dashboard.limit_lines.strip": "a character for each request",
    "dashboard.lines.clip": "cuts what was made safe",
    "dashboard.process_lines.master_line": "numbers and words of ours",
    "dashboard.rollout_tables.guard_table": "numbers and words of ours",
    "dashboard.traffic.table_head": "titles of ours",
    "probes.traffic_run.begun_line": "a number that we chose",
}
"""Functions that get no text from outside, with what they get."""
_SHOWN = re.compile(r"\b(?:Line|Cell|Picture|Rows)\b")
_NAMED = re.compile(r"(?:^|_)lines?$|^markdown$")


def makers() -> Iterator[str]:
    """Every public function that makes lines of a screen, or text for a terminal."""
    for package in (dashboard, probes, probes.checks, rollout):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if module.ispkg or module.name.endswith("__main__"):
                continue
            loaded = importlib.import_module(module.name)
            for name, function in inspect.getmembers(loaded, inspect.isfunction):
                shown = _SHOWN.search(str(function.__annotations__.get("return")))
                own = function.__module__ == module.name and not name.startswith("_")
                if own and (shown or _NAMED.search(name)):
                    yield f"{module.name}.{name}"


def test_each_function_that_makes_lines_is_tried() -> None:
    assert set(CASES) | set(OF_THEIR_OWN) == set(makers())
    assert not set(CASES) & set(OF_THEIR_OWN)


@pytest.mark.parametrize("name", CASES)
def test_what_is_hostile_is_shown_as_text(name: str) -> None:
    """All that steers, at once; and it is there to be seen, so the case shows it indeed."""
    shown = list(CASES[name](World("\x1b")))
    # A check puts a blank in its place, JSON spells it otherwise.
    assert any(re.search(r"\\x1b|\\u001b|^ text $", text) for text in shown)
    for hostile in (HOSTILE, *SENTENCES.values()):
        steering = {c for c in hostile if not c.isprintable()}
        for text in CASES[name](World(hostile[:300])) if steering else ():
            assert text.isprintable(), ascii(text)


steering = st.text(
    st.characters(codec="utf-8", categories=("Cc", "Cf", "Co", "Zl", "Zp", "Zs")),
    min_size=1,
    max_size=6,
)


@settings(max_examples=25)
@given(steering)
def test_no_character_that_steers_comes_through(text: str) -> None:
    world = World(text)
    for name, case in CASES.items():
        for piece in case(world):
            assert piece.isprintable(), f"{name}: {piece!a}"
