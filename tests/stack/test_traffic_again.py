"""A recording sent again to the running stack: twice the same agreement matrix."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema

from dashboard.record import FORMAT, VERSION
from gateway.accesslog import Access, parse
from gateway.cohort import Cohort
from gateway.supervisor import Supervisor
from gateway.workload import load_workload
from probes.recorded import read_recording
from probes.sources import TRAFFIC_SOURCES
from probes.traffic_again import USER_AGENT
from tests.modules import run_module

SCHEMA = json.loads(Path("probes/traffic-again.schema.json").read_text(encoding="utf-8"))
REQUESTS, SPEED = 300, 20


def send(root: Path, recording: Path, code: int = 0) -> dict[str, Any]:
    """`make traffic FROM=... SPEED=20`; what it prints."""
    done = run_module(root, "probes.traffic", f"--from={recording}", f"--speed={SPEED}")
    assert done.returncode == code, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    return found


def logged(root: Path, before: int) -> list[Access]:
    """The requests of the last run; those of it and of others before are `before`."""
    log = (root / "var/logs/access.jsonl").read_bytes().splitlines()
    lines = [parse(line) for line in log if USER_AGENT.encode() in line]
    return lines[before:]


def test_twice_the_same_matrix_whatever_the_canary_is_at(
    root: Path, supervisor: Supervisor, trying: Callable[..., None], tmp_path: Path
) -> None:
    recording = tmp_path / "recording.jsonl"
    kept = (root / "docs/demo.jsonl").read_text().splitlines()[1:]
    hits = [line for line in kept if '"kind":"hit"' in line][:REQUESTS]
    header = json.dumps({"format": FORMAT, "version": VERSION})
    recording.write_text("\n".join([header, *hits]) + "\n")
    expected = read_recording(recording, load_workload(root), REQUESTS)
    count = len(expected.requests)
    assert count > REQUESTS / 2

    before = len(logged(root, 0))
    first = send(root, recording)
    lines = logged(root, before)
    trying(weight=30)
    second = send(root, recording)
    again = logged(root, before + len(lines))
    for found in (first, second):
        assert (found["requests"], found["sent"], found["pairs"]) == (count, count, count)
        assert (found["answered"], found["errors"]) == ({"200": count}, 0)
        assert found["versions"] == ["v1", "v2"]
    assert first["matrix"] == second["matrix"]
    # As the log has it, which has what both versions said.
    said = {line.request_id: (line.instance, line.prediction) for line in lines}
    pairs = Counter(
        (said[name], said[f"twin-{name.removeprefix('again-')}"])
        for name in said
        if name.startswith("again-")
    )
    by_word = Counter[tuple[str, str]]()
    for ((instance, one), (_, other)), number in pairs.items():
        by_word[(one, other) if instance.startswith("v1") else (other, one)] += number
    assert first["matrix"] == {
        one: {b: n for (a, b), n in by_word.items() if a == one} for one, _ in by_word
    }
    assert len(by_word) > 3  # all the same would say little
    # The users of the recording, on many addresses, and this time the canary had its part.
    users = Counter(request.user for request in expected.requests)
    assert Counter(line.user_id for line in lines) == Counter({u: 2 * n for u, n in users.items()})
    assert {line.remote_addr for line in lines} <= set(TRAFFIC_SOURCES)
    assert {Cohort(line.cohort) for line in lines} >= {Cohort.V1, Cohort.DEBUG}
    assert Cohort.CANARY.value not in {line.cohort for line in lines}
    assert {Cohort.CANARY.value, Cohort.CONTROL.value} <= {line.cohort for line in again}
