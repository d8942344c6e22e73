"""Recordings with values that only Python reads: refused with their line, never a crash."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dashboard.record import FORMAT, VERSION, BadRecording, read_recording

HUGE = 10**400
LOG = {"kind": "log", "at": 1.0, "caught_up": True, "bad_lines": 0}
GATEWAY = {"kind": "gateway", "at": 1.0, "active": 1, "waiting": 0, "certificate_ends": None}
OUTPUT = {"kind": "process log", "at": 1.0, "process": "nginx", "lines": ["a line"]}


def read(path: Path, line: str) -> int:
    head = json.dumps({"format": FORMAT, "version": VERSION})
    path.write_text(f"{head}\n{line}\n")
    return sum(1 for _ in read_recording(path))


@pytest.mark.parametrize("event", [LOG, GATEWAY, OUTPUT])
def test_a_good_one_is_read(tmp_path: Path, event: dict[str, object]) -> None:
    assert read(tmp_path / "good.jsonl", json.dumps(event)) == 1


@pytest.mark.parametrize(
    "event",
    [
        {**LOG, "at": HUGE},
        {**LOG, "bad_lines": float("inf")},
        {**LOG, "bad_lines": HUGE},
        {**GATEWAY, "certificate_ends": HUGE},
        {**GATEWAY, "certificate_ends": "nan"},
        {**GATEWAY, "certificate_ends": float("nan")},
        {**OUTPUT, "lines": ["half a pair: \ud800"]},
    ],
)
def test_a_bad_one_is_named(tmp_path: Path, event: dict[str, object]) -> None:
    with pytest.raises(BadRecording, match=r"bad\.jsonl:2: not a line of a recording"):
        read(tmp_path / "bad.jsonl", json.dumps(event))
