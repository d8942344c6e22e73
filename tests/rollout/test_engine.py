"""The process of the engine: how often it looks, when it ends, when it refuses to begin."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from gateway.exit_codes import ExitCode
from rollout import engine
from rollout import store as store_module
from rollout.engine import PERIOD_S, URGENT_S, main
from rollout.pilot import Pilot
from rollout.store import FILE, open_store
from scripts.stack import wait_until

REPOSITORY = Path(store_module.__file__).parents[1]
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A workspace that declares what this one does, and in which nothing runs."""
    for name in ("process-compose.yaml", ".env", "workload.yaml", "nginx", "monitoring"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engine, "IDLE_S", 0.0)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield tmp_path
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_with_nothing_to_do_it_ends_well(root: Path, capsys: Captured) -> None:
    assert main() == ExitCode.PASS
    said = capsys.readouterr().err
    assert said == f"rollout: begun (pid {os.getpid()})\nrollout: nothing to do\n"
    assert (root / "var/rollout/status.json").exists()


def test_beside_another_one_it_does_not_begin(root: Path, capsys: Captured) -> None:
    with open_store(root):
        assert main() == ExitCode.USAGE
    said = capsys.readouterr().err
    assert f"another rollout engine runs (pid {os.getpid()}): use that one" in said
    assert "begun" not in said
    assert not (root / "var/rollout/status.json").exists()


def test_with_a_damaged_log_it_does_not_begin_and_says_where(root: Path, capsys: Captured) -> None:
    (root / FILE).parent.mkdir(parents=True)
    (root / FILE).write_text("no decision\n{}\n")
    assert main() == ExitCode.USAGE
    assert f"rollout: {FILE}:1: damaged" in capsys.readouterr().err


def test_with_one_version_there_is_no_candidate(root: Path, capsys: Captured) -> None:
    declared = (REPOSITORY / "process-compose.yaml").read_text()
    (root / "process-compose.yaml").unlink()
    (root / "process-compose.yaml").write_text(declared.replace("VERSION=v2", "VERSION=v1"))
    assert main() == ExitCode.USAGE
    assert "declare" in capsys.readouterr().err


def test_stopped_it_says_that_the_weight_stays(root: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "rollout.engine"],
        cwd=root, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert wait_until((root / "var/rollout/status.json").exists, 30)
    finally:
        child.terminate()
        _, err = child.communicate(timeout=20)
    assert child.returncode == ExitCode.PASS, err
    assert err.endswith("rollout: stopped; the gateway keeps the weight\n")


class Looks:
    """A pilot with copies for two looks, then users on v2 for two, then nothing to do."""

    count = 0

    @property
    def idle(self) -> bool:
        return self.count > 4

    @property
    def urgent(self) -> bool:
        return self.count in (3, 4)

    def look(self, now: float) -> None:
        self.count += 1


def test_it_looks_more_often_while_users_are_on_v2(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    class Event:
        def wait(self, seconds: float) -> None:
            waits.append(seconds)

    monkeypatch.setattr("rollout.engine.threading.Event", Event)
    pilot = Looks()
    engine._run(cast(Pilot, pilot))
    assert pilot.count == 5
    copies, users = waits[:2], waits[2:]
    assert all(URGENT_S < wait <= PERIOD_S for wait in copies)
    assert [wait <= URGENT_S for wait in users] == [True, True]
