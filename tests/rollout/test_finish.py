"""Finishing, without processes: the order of the parts, and that each is done once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.canary import Experiment, change_experiment, read_experiment, write_experiment
from gateway.supervisor import Process, ProcessHealth, ProcessStatus
from gateway.topology import Instance
from rollout import finish as finish_module
from rollout.baseline import digest_of
from rollout.finish import BUSY_S, DRAIN_S, PATIENCE_S, Finish
from rollout.state import Refused
from tests.rollout.standin import TOPOLOGY
from tests.rollout.test_baseline import model

PROMOTED = Experiment(weight=100)


class World:
    """Instances that serve what lay in their slot when they were last started."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.old, self.new = model(root, "v1", "old"), model(root, "v2", "new")
        self.serves: dict[str, str | None] = {"v1-1": self.old, "v1-2": self.old, "v2-1": self.new}
        self.busy = 0
        self.slow_start = False
        self.done: list[str] = []
        self.status = ProcessStatus.RUNNING
        monkeypatch.setattr(finish_module, "Supervisor", lambda path: self)
        monkeypatch.setattr(finish_module, "served", self._served)
        monkeypatch.setattr(finish_module, "in_flight", lambda instance: self.busy)
        write_experiment(root, PROMOTED)
        (root / "var/rollout").mkdir()  # the decision log is there

    def _served(self, instance: Instance) -> str | None:
        return self.serves[instance.name]

    def alive(self) -> bool:
        return True

    def processes(self) -> tuple[Process, ...]:
        return tuple(
            Process(each, "services", self.status, ProcessHealth.READY, 0, 0, 1, 0.0, 0, 1.0)
            for each in self.serves
        )

    def restart(self, name: str) -> None:
        assert read_experiment(self.root).drained == name, "it still gets requests"
        others = [self.serves[each] for each in ("v1-1", "v1-2") if each != name]
        assert None not in others, "nobody is left"
        self.done.append(f"restart {name}")
        self.serves[name] = None if self.slow_start else digest_of(self.root, "v1")

    def start(self, name: str) -> None:
        self.done.append(f"start {name}")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def finished(world: World, finish: Finish, seconds: int = 30) -> list[str]:
    """What it says, second by second, to the end."""
    said: list[str] = []
    for now in range(seconds):
        if (text := finish.go_on(float(now))) is None:
            return said
        said.append(text)
    raise AssertionError(said)


def test_one_by_one_each_without_requests(world: World) -> None:
    finish = Finish(world.root, TOPOLOGY)
    assert finish.go_on(0.0) is None, "nobody asked"
    assert finish.begin(world.new, "anna").startswith("v1-1, v1-2 restart one by one with")
    said = finished(world, finish)
    assert world.done == ["restart v1-1", "restart v1-2"]
    assert world.serves == {"v1-1": world.new, "v1-2": world.new, "v2-1": world.new}
    # The weight is the rollout's business.
    assert read_experiment(world.root) == PROMOTED
    assert said[0] == "finishing: v1-1 gets no new requests (0 of 2 done)"
    assert said[-1] == "finishing: v1-2 starts with the new model (1 of 2 done)"
    assert len(said) == 2 * (DRAIN_S + 1)


def test_killed_at_any_second_it_is_done_once(world: World) -> None:
    Finish(world.root, TOPOLOGY).begin(world.new, "anna")
    for now in range(60):
        again = Finish(world.root, TOPOLOGY)
        assert again.asked is not None
        assert again.asked.actor == "anna"
        # Each is killed after its second look.
        again.go_on(10.0 * now)
        if again.go_on(10.0 * now + DRAIN_S) is None:
            break
    assert world.done == ["restart v1-1", "restart v1-2"]
    assert read_experiment(world.root) == PROMOTED
    again.forget()
    assert Finish(world.root, TOPOLOGY).asked is None


def test_requests_in_flight_are_waited_for(world: World) -> None:
    finish = Finish(world.root, TOPOLOGY)
    finish.begin(world.new, "anna")
    world.busy = 1
    for now in range(int(BUSY_S)):
        finish.go_on(float(now))
    assert world.done == []
    finish.go_on(BUSY_S)
    assert world.done == ["restart v1-1"]


def test_the_next_one_waits_until_the_last_one_answers(world: World) -> None:
    finish = Finish(world.root, TOPOLOGY)
    finish.begin(world.new, "anna")
    world.slow_start = True
    said = [finish.go_on(float(now)) for now in range(int(PATIENCE_S) + 10)]
    assert world.done == ["restart v1-1"]
    assert read_experiment(world.root).drained == "v1-1"
    assert "v1-1 has not been ready for" in (said[-1] or "")
    world.status = ProcessStatus.COMPLETED
    finish.go_on(100.0)
    assert world.done == ["restart v1-1", "start v1-1"]
    world.slow_start, world.serves["v1-1"] = False, world.new
    assert finish.go_on(101.0) == "finishing: v1-2 gets no new requests (1 of 2 done)"
    assert read_experiment(world.root).drained == "v1-2"


def test_an_instance_drained_by_hand_is_left_alone(world: World) -> None:
    finish = Finish(world.root, TOPOLOGY)
    write_experiment(world.root, replace(PROMOTED, drained="v1-2"))
    with pytest.raises(Refused, match="v1-2 is drained"):
        finish.begin(world.new, "anna")
    write_experiment(world.root, PROMOTED)
    finish.begin(world.new, "anna")
    change_experiment(world.root, lambda state: replace(state, drained="v1-2"))
    assert "v1-2 was drained by hand" in (finish.go_on(0.0) or "")
    assert world.done == []


def test_what_cannot_be_finished_is_refused(world: World) -> None:
    with pytest.raises(Refused, match=f"holds the model {world.new}, promoted was 0123456789ab"):
        Finish(world.root, TOPOLOGY).begin("0123456789ab", "anna")
    alone = replace(TOPOLOGY, instances=tuple(i for i in TOPOLOGY.instances if i.name != "v1-2"))
    with pytest.raises(Refused, match="v1-1 is the only instance of v1"):
        Finish(world.root, alone).begin(world.new, "anna")
    assert digest_of(world.root, "v1") == world.old


def test_given_up_it_leaves_nobody_without_requests(world: World) -> None:
    finish = Finish(world.root, TOPOLOGY)
    finish.begin(world.new, "anna")
    finish.go_on(0.0)
    assert read_experiment(world.root).drained == "v1-1"
    finish.abandon()
    assert read_experiment(world.root) == PROMOTED
    assert Finish(world.root, TOPOLOGY).asked is None
    assert finish.way_back.endswith("`make adopt UNDO=1 SLOT=v1` brings back the one before")
