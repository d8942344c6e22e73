"""YAML that would exhaust its reader is refused with its line, before anything walks it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from gateway.processes import read_processes
from gateway.topology import TopologyError
from gateway.workload import WorkloadError, load_workload
from gateway.yaml_shape import DEEPEST

BASE = """\
method: POST
path: /predict
answer: /prediction
corpus: {file: var/data/held-out.csv, text: sentence}
example: {text: hello}
"""


def doubled(times: int, entry: str) -> str:
    """Anchors of which each stands nine times for the one before."""
    lines = [f"  a0: &a0 {entry}"]
    for number in range(1, times):
        nine = ", ".join([f"*a{number - 1}"] * 9)
        lines.append(f"  a{number}: &a{number} [{nine}]")
    return "\n".join(lines)


def read(root: Path, text: str) -> Any:
    (root / "workload.yaml").write_text(text)
    return load_workload(root).template


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        ("[" * 200_000, "inside each other"),
        ("{a: " * 3_000, "inside each other"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "inside each other"),
        ("&a [*a, '{text}']", "contains itself"),
        ("&a {b: {c: *a}, d: '{text}'}", "contains itself"),
        ("\n" + doubled(12, "['{text}']"), "by its aliases"),
    ],
    ids=["never closed", "mappings", "one too deep", "itself", "itself below", "aliases"],
)
def test_a_trap_is_refused(tmp_path: Path, request_: str, problem: str) -> None:
    begun = time.process_time()
    with pytest.raises(WorkloadError, match=rf"workload\.yaml:\d+: .*{problem}"):
        read(tmp_path, f"{BASE}request: {request_}\n")
    assert time.process_time() - begun < 2


def test_a_merge_of_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "process-compose.yaml").write_text("processes: &a\n  <<: *a\n")
    with pytest.raises(TopologyError, match=r"yaml:1: a value contains itself"):
        read_processes(tmp_path)


def test_chains_of_aliases_may_be_long_but_not_deep(tmp_path: Path) -> None:
    many = "\n".join(f"  a{n}: &a{n} [x, *a{max(0, n - 1)}]" for n in range(1, 200))
    with pytest.raises(WorkloadError, match="inside each other"):
        read(tmp_path, f"{BASE}request:\n  a0: &a0 '{{text}}'\n{many}\n")


def test_what_is_deep_enough_for_anybody_is_read(tmp_path: Path) -> None:
    nested = "[" * (DEEPEST - 1) + "'{text}'" + "]" * (DEEPEST - 1)
    found = read(tmp_path, f"{BASE}request: {nested}\n")
    for _ in range(DEEPEST - 1):
        (found,) = found
    assert found == "{text}"


@pytest.mark.parametrize(
    "value",
    [
        "!!int x",
        "!!float x",
        "!!bool x",
        "!!binary é",
        "!!set {x, y}",
        "!!omap [a: b]",
        "!!binary aGk=",
        ".nan",
        ".inf",
        "1" * 5_000,
        "!unknown x",
        "!unknown {a: b}",
    ],
)
def test_what_json_does_not_have_is_refused_with_its_line(tmp_path: Path, value: str) -> None:
    with pytest.raises(WorkloadError, match=r"workload\.yaml:7: .*JSON does not have"):
        read(tmp_path, f"{BASE}request:\n  a: {value}\n  b: '{{text}}'\n")


def test_plain_values_are_those_of_json(tmp_path: Path) -> None:
    written = "{a: 2001-09-09, b: 2001-99-99, 3: 4, c: [1.5, true, null, '1', {text}]}"
    assert read(tmp_path, f"{BASE}request: {written}\n".replace("{text}", "'{text}'")) == {
        "a": "2001-09-09",
        "b": "2001-99-99",
        "3": 4,
        "c": [1.5, True, None, "1", "{text}"],
    }
