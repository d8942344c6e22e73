"""kill -9 of the engine, anywhere: the same state, no weight twice, the same evidence."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from gateway.canary import active_since, read_experiment
from rollout import store as store_module
from rollout.record import explain
from rollout.state import Phase
from rollout.status import Status
from rollout.store import open_store, read_log
from tests.rollout.standin import BEGIN, RUNS, Gateway, Steered

REPOSITORY = Path(store_module.__file__).parents[1]
# argv: folder, name of the point, at which of its calls, seconds to run.
CHILD = """
import os, signal, sys
from pathlib import Path
from tests.rollout import standin
import rollout.pilot as pilot, rollout.reading as reading, rollout.store as store

root, point, count, seconds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
owner, name = {
    "decided, before": (store.Store, "decided"), "decided, after": (store.Store, "decided"),
    "carried out, before": (pilot, "carry_out"), "carried out, after": (pilot, "carry_out"),
    "bookmark, before": (reading.bookmarks, "save"), "bookmark, after": (reading.bookmarks, "save"),
    "applied, before": (store.Store, "applied"), "applied, after": (store.Store, "applied"),
    "status, before": (pilot, "write_status"), "status, after": (pilot, "write_status"),
}[point]
real, calls = getattr(owner, name), 0

def killing(*arguments, **named):
    global calls
    calls += 1
    if calls == count and point.endswith("before"):
        os.kill(os.getpid(), signal.SIGKILL)
    found = real(*arguments, **named)
    if calls == count:
        os.kill(os.getpid(), signal.SIGKILL)
    return found

setattr(owner, name, killing)
with store.open_store(root) as opened:
    steered = standin.Steered(root, opened, standin.Gateway(root))
    steered.order("start")
    steered.seconds(seconds)
"""
POINTS = [
    f"{what}, {when}"
    for what in ("decided", "carried out", "bookmark", "applied")
    for when in ("before", "after")
]


def killed_child(root: Path, point: str, count: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CHILD, str(root), point, str(count), "40"],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL, ended.stderr


@contextmanager
def steered_at(root: Path, now: float, number: int = 0, **sight: Any) -> Iterator[Steered]:
    with open_store(root) as store:
        made = Steered(root, store, Gateway(root, now, number=number))
        made.sight = replace(made.sight, **sight)
        yield made
        made.pilot.close()


def last_time(root: Path) -> float:
    lines = (root / "var/logs/access.jsonl").read_text().splitlines()
    return float(int(float(json.loads(lines[-1])["time"]))) + 1


def seen(root: Path) -> Status:
    return Status.from_json(json.loads((root / "var/rollout/status.json").read_text()))


# Of the third decision (SHADOW to 25 %): the first that moves users.
@pytest.mark.parametrize("point", [*POINTS, "status, before", "status, after"])
def test_killed_around_a_decision_it_is_carried_out_once(tmp_path: Path, point: str) -> None:
    killed_child(tmp_path, point, 5 if point.startswith("status") else 3)
    log = read_log(tmp_path)
    set_before = active_since(tmp_path), read_experiment(tmp_path)
    now = last_time(tmp_path)
    with steered_at(tmp_path, now) as steered:
        steered.pilot.look(now)
        again = read_log(tmp_path)
        if point == "decided, before":
            assert len(log.entries) == 2
        else:
            assert again.entries[: len(log.entries)] == log.entries
        assert again.pending is None
        at = again.state
        assert at is not None
        assert (at.phase, at.weight) == (Phase.STEP, 25)
        assert len(again.entries) == 3
        assert read_experiment(tmp_path).weight == 25
        if set_before[1].weight == 25:  # done by the one that was killed: not once more
            assert (active_since(tmp_path), read_experiment(tmp_path)) == set_before
        for _ in range(30):
            steered.seconds(1)
    phases = [entry.decision.after.phase for entry in read_log(tmp_path).entries]
    assert phases == [
        Phase.BASELINE, Phase.SHADOW, Phase.STEP, Phase.STEP, Phase.STEP, Phase.PROMOTED,
    ]  # fmt: skip
    assert all(explain(entry).differences == () for entry in read_log(tmp_path).entries)


def test_what_came_while_no_engine_ran_counts(tmp_path: Path) -> None:
    killed_child(tmp_path, "carried out, after", 3)
    gateway = Gateway(tmp_path, last_time(tmp_path))
    for _ in range(6):
        gateway.second()
    with steered_at(tmp_path, gateway.now) as steered:
        steered.pilot.look(gateway.now)
    # Enough to go on with: all but the two seconds of the warm-up counts.
    entry = read_log(tmp_path).entries[-1]
    assert (entry.seen.weight, entry.decision.after.weight) == (25, 50)
    assert entry.seen.requests_v1 + entry.seen.requests_v2 >= 4 * 20


def test_a_weight_that_comes_late_is_warmed_up_from_then(tmp_path: Path) -> None:
    killed_child(tmp_path, "carried out, before", 3)
    gateway = Gateway(tmp_path, last_time(tmp_path))
    for _ in range(6):
        gateway.second()  # with the old weight
    with steered_at(tmp_path, gateway.now) as steered:
        steered.pilot.look(gateway.now)
        assert seen(tmp_path).seen.warm_at == gateway.now + 2
        assert seen(tmp_path).seen.split.v1 == 0


def test_killed_at_random_again_and_again_it_comes_to_the_end(tmp_path: Path) -> None:
    luck = random.Random(8)  # noqa: S311 - no secret
    for _ in range(6):
        with open_store(tmp_path) as store:
            state = store.state
        if state is not None and state.phase is Phase.PROMOTED:
            break
        # Each begins at the same second, as after a moment's restart, and gets a little further.
        killed_child_at(tmp_path, luck.choice([*POINTS, "status, after"]), luck.randint(1, 6))
    now = last_time(tmp_path)
    with steered_at(tmp_path, now) as steered:
        for _ in range(40):
            steered.seconds(1)
    entries = read_log(tmp_path).entries
    weights = [entry.decision.after.weight for entry in entries]
    assert weights == [0, 0, 25, 50, 100, 100]
    assert all(explain(entry).differences == () for entry in entries)


def killed_child_at(root: Path, point: str, count: int) -> None:
    script = CHILD.replace(
        "standin.Gateway(root)", f"standin.Gateway(root, {_next(root)})"
    ).replace('    steered.order("start")', '    if opened.state is None: steered.order("start")')
    ended = subprocess.run(
        [sys.executable, "-c", script, str(root), point, str(count), "12"],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr


def _next(root: Path) -> float:
    return last_time(root) if (root / "var/logs/access.jsonl").exists() else BEGIN


@pytest.mark.parametrize("rotations", [0, 2])
def test_the_evidence_survives_a_restart(tmp_path: Path, rotations: int) -> None:
    """One engine lives through it, the other one is replaced three times."""
    story = []
    for root, restarted in ((tmp_path / "one", False), (tmp_path / "other", True)):
        root.mkdir()
        now, number, runs = BEGIN, 0, dict(RUNS)
        told = []
        with steered_at(root, now) as first:
            first.order("start")
            first.seconds(7)
            now, number = first.gateway.now, first.gateway.number
            if not restarted:
                told = whole(first, rotations, runs)
        if restarted:
            for part in range(3):
                with steered_at(root, now, number, runs=dict(runs)) as later:
                    told += piece(later, part, rotations, runs)
                    now, number = later.gateway.now, later.gateway.number
        story.append(told)
    assert story[0] == story[1]
    assert story[0][-1]["requests_v2"] > 20
    assert story[0][-1]["failed_v2"] == 3


def whole(steered: Steered, rotations: int, runs: dict[str, Any]) -> list[dict[str, Any]]:
    return [told for part in range(3) for told in piece(steered, part, rotations, runs)]


def piece(
    steered: Steered, part: int, rotations: int, runs: dict[str, Any]
) -> list[dict[str, Any]]:
    """Some seconds at a step: few users so that it goes on; a failure, an instance restarted."""
    steered.gateway.buckets = [0] * 3 + [99] * 57  # three users of v2: the gate stays closed
    if part == 1:
        runs["v1-2"] = replace(runs["v1-2"], pid=555, started=steered.gateway.now + 0.3)
        steered.sight = replace(steered.sight, runs=dict(runs))
    told = []
    for second in range(4):
        steered.gateway.v2_fails = part == 2 and second == 3
        if part < rotations and second == 2:
            steered.gateway.rotate()
        steered.seconds(1, requests=60)
        status = seen(steered.root)
        assert status.state is not None
        assert (status.state.phase, status.state.weight) == (Phase.STEP, 25), status
        told.append(asdict(status.seen) | asdict(status.facts))
    return told
