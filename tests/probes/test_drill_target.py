"""Whom a drill may hit, and what is seen of it afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.supervisor import ProcessHealth, ProcessStatus
from probes import drill, drill_target
from probes.drill_target import OTHERS, WORKER, Fault, Refused, Sight, Target, choose
from probes.workspace import Workspace, load_workspace
from tests.probes.test_drill_run import new_victim

ROOT = Path(__file__).parents[2]
NAMES = ("v1-1", "v1-2", "v1-3", "v2-1", "nginx", "exporter", "prometheus", "rollout")
PROCESSES = {
    name: replace(new_victim(5000 + number), name=name) for number, name in enumerate(NAMES)
}


class Processes:
    """All are ready, but for what a test changes."""

    found: Iterable[object] = PROCESSES.values()

    def __init__(self, _: Path) -> None:
        pass

    def processes(self) -> tuple[object, ...]:
        return tuple(self.found)


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(drill_target, "Supervisor", Processes)
    monkeypatch.setattr(drill_target, "running_master", lambda _: 5004)
    monkeypatch.setattr(drill_target, "workers", lambda _: frozenset({6002, 6001}))
    return load_workspace(ROOT, {})


def changed(monkeypatch: pytest.MonkeyPatch, name: str, **values: object) -> None:
    other = replace(PROCESSES[name], **values)  # type: ignore[arg-type] # whatever a test wants
    monkeypatch.setattr(Processes, "found", ({**PROCESSES, name: other}).values())


@pytest.mark.parametrize("name", [*NAMES, WORKER])
def test_everybody_may_be_killed(workspace: Workspace, name: str) -> None:
    target = choose(workspace, name)
    assert target.name == name
    assert target.pid == (6001 if name == WORKER else PROCESSES[name].pid)
    assert target.stable == name.startswith("v1")
    assert (target.instance is None) == (name in OTHERS)
    assert target.needs_a_person == (name == "nginx")


@pytest.mark.parametrize("name", ["nginx", WORKER, "rollout"])
def test_who_would_never_be_missed_is_not_frozen(workspace: Workspace, name: str) -> None:
    with pytest.raises(
        ValueError, match=f"nothing would bring back a frozen {name}; there are v1-1"
    ):
        choose(workspace, name, Fault.FREEZE)
    assert choose(workspace, "exporter", Fault.FREEZE).fault is Fault.FREEZE


def test_one_that_has_ended_is_not_killed_by_its_old_pid(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Done, and so ready: it may end. Its pid may be somebody else's by now.
    ended = {"status": ProcessStatus.COMPLETED, "namespace": "optional", "exit_code": 0}
    changed(monkeypatch, "rollout", **ended)
    with pytest.raises(Refused, match="not ready: rollout"):
        choose(workspace, "rollout")
    assert choose(workspace, "exporter").name == "exporter"


def test_of_a_supervised_one_process_compose_tells(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = choose(workspace, "exporter")
    sight = Sight(workspace, target)
    assert (sight.is_noticed(), sight.is_back()) == (False, False)
    changed(monkeypatch, "exporter", health=ProcessHealth.NOT_READY)
    assert (sight.is_noticed(), sight.is_back()) == (True, False)
    changed(monkeypatch, "exporter", pid=7000, health=ProcessHealth.NOT_READY)
    assert (sight.is_noticed(), sight.is_back()) == (True, False)
    changed(monkeypatch, "exporter", pid=7000)
    assert (sight.is_noticed(), sight.is_back()) == (True, True)


def test_a_worker_is_back_when_there_are_as_many_as_before(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    sight = Sight(workspace, choose(workspace, WORKER))
    for there, back in (({6001, 6002}, False), ({6002}, False), ({6002, 6003}, True)):
        found = frozenset(there)
        monkeypatch.setattr(drill_target, "workers", lambda _, found=found: found)
        assert (sight.is_noticed(), sight.is_back()) == (False, back)


def test_a_master_of_nginx_is_seen_by_its_pid(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(monkeypatch, "nginx", pid=os.getpid())
    sight = Sight(workspace, choose(workspace, "nginx"))
    assert not sight.is_noticed()
    gone = Sight(workspace, Target("nginx", 1 << 30))
    assert gone.is_noticed()
    assert gone.is_back()  # another one is ready


def test_a_name_is_given_once(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        drill.main(["v1-1", "--instance", "v1-2"])
    assert ended.value.code == 2
    assert "--instance is the same as NAME" in capsys.readouterr().err
