"""The fuzz targets without a fuzzer: their seeds, and some of what a fuzzer makes of them."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import NAMES, target

CHANGED = 150
"""Inputs of each target, the same in every run. The matrix tries many thousands."""


@pytest.mark.parametrize("name", NAMES)
def test_a_target_keeps_its_promises(name: str, tmp_path: Path) -> None:
    found = target(name)
    run = found.make(tmp_path)
    seeds = found.seeds()
    for seed in seeds:
        run(seed)
    random = Random(20240607)  # noqa: S311 - the same in every run
    for number in range(CHANGED):
        data = mutated(random.choice(seeds), random, found.json)
        try:
            run(data)
        except Exception as error:
            kept = tmp_path / "input"
            kept.write_bytes(data)
            raise AssertionError(f"{name}, input {number} (in {kept}): {error!r}") from error


def test_a_changed_input_is_the_same_in_every_run() -> None:
    made = [
        [mutated(b'{"a": [1, "b"]}', Random(seed), json_lines) for seed in range(50)]  # noqa: S311
        for json_lines in (True, True, False, False)
    ]
    assert made[0] == made[1] != made[2] == made[3]
    assert len(set(made[0])) > 30
