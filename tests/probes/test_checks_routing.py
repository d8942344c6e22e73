"""The routing check knows what is tried: whom a canary moves, and who is drained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.canary import Experiment, write_experiment
from gateway.cohort import BUCKETS, bucket_of_user, in_canary
from gateway.errors import ConfigurationError
from gateway.supervisor import Process, ProcessHealth, ProcessStatus
from gateway.topology import Instance
from probes import drill_target
from probes.ab_run import check_versions
from probes.checks import routing
from probes.checks.routing import HEADER, USER_HEADER, user_in
from probes.drill_target import Refused, choose
from probes.exchange import Answer
from probes.verdict import Verdict
from probes.workspace import Workspace, load_workspace

ROOT = Path(__file__).parents[2]


class Gateway:
    """Answers as nginx would, in place of a Caller."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.experiment = Experiment()
        self.turn = 0
        self.groups: list[str] = []
        self.has_v3 = False

    def sets(self, experiment: Experiment) -> None:
        """Try that from now on."""
        self.experiment = experiment
        write_experiment(self.root, experiment)

    def __call__(self, *_: object) -> Gateway:
        return self

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def predict(self, headers: Mapping[str, str]) -> Answer:
        group = headers.get(HEADER, "")
        self.groups.append(group)
        v1 = [name for name in ("v1-1", "v1-2", "v1-3") if name != self.experiment.drained]
        v2 = [name for name in ("v2-1",) if name != self.experiment.drained]
        chosen = v1
        if group == "debug":
            chosen = v2
        elif group == "v3" and self.has_v3:
            chosen = ["v3-1"]
        elif group != "control":
            # Somebody who names no user is in any bucket.
            user = headers.get(USER_HEADER)
            bucket = 0 if user is None else bucket_of_user(user)
            chosen = (v2 or v1) if in_canary(bucket, self.experiment.weight) else v1
        self.turn += 1
        if not chosen:
            return Answer(503, {}, b"")
        return Answer(200, {"x-instance": chosen[self.turn % len(chosen)]}, b"")


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    made = Gateway(tmp_path)
    monkeypatch.setattr(routing, "Caller", made)
    return made


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """With the two versions that the stand-in knows."""
    found = load_workspace(ROOT, {})
    two = tuple(each for each in found.topology.instances if each.version in ("v1", "v2"))
    return replace(found, root=tmp_path, topology=replace(found.topology, instances=two))


STATES = [
    Experiment(),
    Experiment(1),
    Experiment(50),
    Experiment(100),
    Experiment(50, 20, "v1-2"),
    Experiment(100, 0, "v2-1"),
    Experiment(0, 0, "v2-1"),
]


@pytest.mark.parametrize("experiment", STATES)
def test_it_passes_whatever_is_tried(
    gateway: Gateway, workspace: Workspace, experiment: Experiment
) -> None:
    gateway.sets(experiment)
    found = routing.routing(workspace)
    assert found.verdict is Verdict.PASSED, found.evidence
    assert ("canary of" in found.evidence) is bool(experiment.weight)


@pytest.mark.parametrize(
    ("said", "done", "words"),
    [
        (Experiment(), Experiment(100), "no header: answered by v2-1, expected v1"),
        (Experiment(50), Experiment(), "canary of 50 %: answered by v1-"),
        (Experiment(drained="v1-2"), Experiment(), "answered by v1-2, which is drained"),
        (Experiment(), Experiment(drained="v2-1"), "debug: status 503, expected v2"),
    ],
)
def test_what_the_gateway_does_otherwise_fails(
    gateway: Gateway, workspace: Workspace, said: Experiment, done: Experiment, words: str
) -> None:
    gateway.sets(said)
    gateway.experiment = done
    found = routing.routing(workspace)
    assert found.verdict is Verdict.FAILED
    assert words in found.evidence


def test_a_further_version_is_asked_for_by_its_name(gateway: Gateway, workspace: Workspace) -> None:
    third = Instance("v3-1", "v3", 8301)
    instances = (*workspace.topology.instances, third)
    wider = replace(workspace, topology=replace(workspace.topology, instances=instances))
    found = routing.routing(wider)
    assert found.verdict is Verdict.FAILED
    assert "v3: answered by v1-" in found.evidence
    gateway.has_v3 = True
    found = routing.routing(wider)
    assert found.verdict is Verdict.PASSED, found.evidence
    assert "v3 -> v3-1" in found.evidence
    gateway.sets(Experiment(drained="v3-1"))
    assert "v3" not in routing.routing(wider).evidence


def test_a_state_that_cannot_be_read_decides_nothing(
    gateway: Gateway, workspace: Workspace
) -> None:
    gateway.sets(Experiment(5))
    (workspace.root / "var/canary/active/state.json").write_text("{")
    for check in (routing.routing, routing.balance):
        found = check(workspace)
        assert found.verdict is Verdict.ERROR
        assert "canary off" in found.evidence


def all_run(monkeypatch: pytest.MonkeyPatch, engine: str = "") -> None:
    """Every instance is ready and stays so; `engine` spreads the requests."""
    monkeypatch.setattr(
        routing, "_running", lambda _, names: routing._Running(dict.fromkeys(names, (1, 0)), engine)
    )


def test_the_spread_is_that_of_v1_without_the_drained(
    gateway: Gateway, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_run(monkeypatch)
    gateway.sets(Experiment(50, 0, "v1-2"))
    found = routing.balance(workspace)
    assert found.verdict is Verdict.PASSED, found.evidence
    assert set(gateway.groups) == {"control"}
    assert "v1-2" not in found.evidence
    gateway.experiment = Experiment(50)
    assert "answered by v1-2" in routing.balance(workspace).evidence


def test_an_engine_spreads_as_it_likes_over_replicas_of_that_version(
    gateway: Gateway, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_run(monkeypatch, "Ray Serve")
    hits = Counter({"v1-1": 2, "v1-2": 60, "v1-3": 20, "v1-4": 14})
    monkeypatch.setattr(routing, "_spread", lambda _: (Counter({200: 96}), hits))
    found = routing.balance(workspace)
    assert found.verdict is Verdict.PASSED, found.evidence
    assert "v1-4 14 of 96; by Ray Serve" in found.evidence
    hits["v2-1"] = 1
    assert "1 answered by v2-1" in routing.balance(workspace).evidence


def test_behind_an_engine_a_drained_door_says_nothing_of_the_replica_of_that_name(
    gateway: Gateway, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_run(monkeypatch, "Ray Serve")
    monkeypatch.setattr(routing, "_spread", lambda _: (Counter({200: 90}), Counter({"v1-2": 90})))
    gateway.sets(Experiment(50, 0, "v1-2"))
    found = routing.balance(workspace)
    assert found.verdict is Verdict.PASSED, found.evidence


def test_without_an_engine_an_undeclared_instance_is_a_problem(
    gateway: Gateway, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_run(monkeypatch)
    hits = Counter({"v1-1": 30, "v1-2": 30, "v1-3": 30, "v1-4": 30})
    monkeypatch.setattr(routing, "_spread", lambda _: (Counter({200: 120}), hits))
    found = routing.balance(workspace)
    assert found.verdict is Verdict.FAILED
    assert "30 answered by v1-4" in found.evidence


@pytest.mark.parametrize("bucket", [0, 37, BUCKETS - 1])
def test_a_user_in_every_bucket(bucket: int) -> None:
    assert bucket_of_user(user_in(bucket)) == bucket


class Supervisor:
    """Every process is ready."""

    def __init__(self, _: Path) -> None:
        pass

    def processes(self) -> tuple[Process, ...]:
        return tuple(
            Process(
                name, "services", ProcessStatus.RUNNING, ProcessHealth.READY, 0, 0, pid, 0, 0, 9
            )
            for pid, name in enumerate(("v1-1", "v1-2", "v1-3", "v2-1", "nginx"), start=4711)
        )


def test_the_drill_kills_nobody_who_is_drained(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drill_target, "Supervisor", Supervisor)
    assert choose(workspace).name == "v1-1"
    write_experiment(workspace.root, Experiment(drained="v1-1"))
    assert choose(workspace).name == "v1-2"
    assert choose(workspace, "v1-3").name == "v1-3"
    with pytest.raises(Refused, match=r"v1-1 is drained: first .* canary --undrain v1-1"):
        choose(workspace, "v1-1")


def test_an_ab_test_needs_both_versions_in_service(workspace: Workspace) -> None:
    check_versions(workspace.root, workspace.topology)
    write_experiment(workspace.root, Experiment(drained="v1-1"))
    check_versions(workspace.root, workspace.topology)
    write_experiment(workspace.root, Experiment(drained="v2-1"))
    with pytest.raises(ConfigurationError, match=r"nobody answers for v2: .* --undrain v2-1"):
        check_versions(workspace.root, workspace.topology)
