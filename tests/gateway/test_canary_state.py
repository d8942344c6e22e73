"""The state of canary, shadow and drain: whole at every moment, whoever reads or writes."""

from __future__ import annotations

import ast
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import canary
from gateway.canary import (
    ACTIVE,
    FOLDER,
    CanaryError,
    Experiment,
    active_since,
    change_experiment,
    read_experiment,
    replace_damaged,
    write_experiment,
)
from tests.gateway.exporter_process import ROOT

EXPERIMENT = Experiment(weight=25, shadow=20, drained="v1-2")
PERCENT = st.integers(0, 100)


def files(root: Path) -> set[str]:
    return {path.name for path in (root / ACTIVE).iterdir()} - {"state.json"}


def test_nothing_is_tried_where_nothing_is(tmp_path: Path) -> None:
    assert read_experiment(tmp_path) == Experiment()
    assert active_since(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=25, deadline=None)
@given(PERCENT, PERCENT, st.sampled_from([None, "v1-1", "v2-1"]))
def test_what_is_written_is_read(weight: int, shadow: int, drained: str | None) -> None:
    root = Path("/tmp") / f"sy-canary-{os.getpid()}"  # noqa: S108 - hypothesis: one for all
    experiment = Experiment(weight, shadow, drained)
    try:
        write_experiment(root, experiment)
        assert read_experiment(root) == experiment
        assert (root / ACTIVE).exists() is (experiment != Experiment())
    finally:
        shutil.rmtree(root)


def test_nginx_finds_the_files_that_it_looks_for(tmp_path: Path) -> None:
    write_experiment(tmp_path, Experiment(weight=2, shadow=1, drained="v2-1"))
    shadow = {"shadow-00", "shadow-01", "shadow-02"}  # 1 % of 256 draws, rounded
    assert files(tmp_path) == {"canary-00", "canary-01", "drained-v2-1", *shadow}
    write_experiment(tmp_path, Experiment(weight=100, shadow=100))
    assert len(files(tmp_path)) == 100 + 256


def test_since_when_it_is_so(tmp_path: Path) -> None:
    before = time()
    write_experiment(tmp_path, EXPERIMENT)
    since = active_since(tmp_path)
    assert since is not None
    assert before <= since <= time()


@pytest.mark.parametrize("value", [-1, 101])
def test_what_is_no_percentage_is_refused(value: int) -> None:
    with pytest.raises(CanaryError, match="give one from 0 to 100"):
        Experiment(weight=value)
    with pytest.raises(CanaryError, match="give one from 0 to 100"):
        Experiment(shadow=value)


def test_off_keeps_what_is_drained() -> None:
    assert EXPERIMENT.off == Experiment(drained="v1-2")


def test_a_state_before_the_last_two_is_removed(tmp_path: Path) -> None:
    for weight in range(1, 8):
        write_experiment(tmp_path, Experiment(weight=weight))
        assert len(list((tmp_path / FOLDER / "states").iterdir())) == min(weight, 2)
    write_experiment(tmp_path, Experiment())
    # A request may be between two looks at it.
    assert len(list((tmp_path / FOLDER / "states").iterdir())) == 1
    assert not (tmp_path / ACTIVE).is_symlink()


def test_the_workers_of_nginx_can_look_whatever_the_umask(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from gateway.canary import Experiment, write_experiment\n"
        "os.umask(0o077); write_experiment(Path(sys.argv[1]), Experiment(weight=3))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=True)
    state = (tmp_path / ACTIVE).resolve()
    for folder in (state, state.parent, state.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert stat.S_IMODE((state / "state.json").stat().st_mode) == 0o644


READ = """
seen = set()
while not over():
    seen.add(read_experiment(root))
print(sorted({(each.weight, each.shadow, each.drained or "") for each in seen}))
"""
# As nginx looks: one stat for each file, by the name of the link.
LOOK = """
gone = 0
while not over():
    # Whoever is held up over two changes may look for a state that is no more.
    state = (root / ACTIVE).readlink()
    missing = sum(not (root / ACTIVE / f"canary-{bucket:02d}").is_file() for bucket in (0, 9))
    gone += missing if (root / ACTIVE).readlink() == state else 0
print(gone)
"""
UNTIL_STDIN_ENDS = """
import select, sys
from pathlib import Path
from gateway.canary import ACTIVE, read_experiment
root = Path(sys.argv[1])
over = lambda: select.select([sys.stdin], [], [], 0)[0]
print("ready", flush=True)
"""


@contextmanager
def watched(root: Path, loop: str) -> Iterator[list[str]]:
    """Another process does that meanwhile; afterwards what it has printed."""
    printed: list[str] = []
    command = [sys.executable, "-c", UNTIL_STDIN_ENDS + loop, str(root)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield printed
        finally:
            process.stdin.close()
            printed.append(process.stdout.read().strip())
    assert process.returncode == 0


def test_a_reader_never_sees_half_a_state(tmp_path: Path) -> None:
    written = [Experiment()]
    with watched(tmp_path, READ) as printed:
        for number in range(200):
            weight = number % 4 * 3  # each fourth state is none at all
            written.append(Experiment(weight, 0, "v1-2" if weight == 9 else None))
            write_experiment(tmp_path, written[-1])
    seen = ast.literal_eval(printed[0])
    assert {Experiment(w, s, drained or None) for w, s, drained in seen} <= set(written)
    assert len(seen) > 1


def test_a_state_that_goes_while_it_is_read_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_experiment(tmp_path, Experiment(weight=1))
    read = canary._read
    states: list[Path] = []

    def slowly(state: Path) -> Experiment:
        states.append(state)
        if len(states) == 1:  # the second of these removes the state that is being read
            write_experiment(tmp_path, Experiment(weight=2))
            write_experiment(tmp_path, Experiment(weight=3))
            assert not state.exists()
        return read(state)

    monkeypatch.setattr(canary, "_read", slowly)
    assert read_experiment(tmp_path) == Experiment(weight=3)
    assert len(states) == 2


def test_nginx_never_sees_half_a_state(tmp_path: Path) -> None:
    write_experiment(tmp_path, Experiment(weight=10))
    with watched(tmp_path, LOOK) as printed:
        for number in range(200):
            write_experiment(tmp_path, Experiment(weight=10 + number % 5))
    assert printed == ["0"]


def test_no_change_is_lost_between_two_writers(tmp_path: Path) -> None:
    def add() -> None:
        for _ in range(40):
            change_experiment(tmp_path, lambda now: replace(now, weight=now.weight + 1))

    writers = [threading.Thread(target=add) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert read_experiment(tmp_path) == Experiment(weight=80)


def test_a_change_that_is_refused_changes_nothing(tmp_path: Path) -> None:
    write_experiment(tmp_path, EXPERIMENT)
    since = active_since(tmp_path)
    with pytest.raises(CanaryError):
        change_experiment(tmp_path, lambda now: replace(now, weight=now.weight + 100))
    assert change_experiment(tmp_path, lambda now: now) == (EXPERIMENT, EXPERIMENT)
    assert active_since(tmp_path) == since


def text(value: object) -> Callable[[Path], object]:
    return lambda state: (state / "state.json").write_text(json.dumps(value), "utf-8")


def link_to_nowhere(state: Path) -> None:
    shutil.rmtree(state)


def folder_in_its_place(state: Path) -> None:
    active = state.parent.parent / "active"
    active.unlink()
    active.mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no json": lambda state: (state / "state.json").write_text("{", "utf-8"),
    "no state": lambda state: (state / "state.json").unlink(),
    "another value": text([]),
    "no weight": text({"shadow": 20, "drained": "v1-2"}),
    "no number": text({"weight": "25", "shadow": 20, "drained": "v1-2"}),
    "half a number": text({"weight": 25.5, "shadow": 20, "drained": "v1-2"}),
    "no percentage": text({"weight": 250, "shadow": 20, "drained": "v1-2"}),
    "no name": text({"weight": 25, "shadow": 20, "drained": 1}),
    "a file less": lambda state: (state / "canary-07").unlink(),
    "a file more": lambda state: (state / "canary-77").touch(),
    "gone": link_to_nowhere,
    "a folder": folder_in_its_place,
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_state_is_said_and_can_be_replaced(tmp_path: Path, name: str) -> None:
    write_experiment(tmp_path, EXPERIMENT)
    DAMAGES[name]((tmp_path / ACTIVE).resolve())
    with pytest.raises(CanaryError, match=r"not usable .*canary off"):
        read_experiment(tmp_path)
    with pytest.raises(CanaryError):
        change_experiment(tmp_path, lambda now: now.off)
    # What nginx finds drained stays so.
    kept = None if name in ("gone", "a folder") else "v1-2"
    assert replace_damaged(tmp_path) == Experiment(drained=kept)
    assert read_experiment(tmp_path) == Experiment(drained=kept)
