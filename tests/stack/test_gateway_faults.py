"""Instances that die, hang or are gone: no client of the gateway notices more than it has to."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import ExitStack

from gateway.cohort import bucket_of_user, in_canary
from gateway.supervisor import Supervisor
from gateway.topology import Topology
from scripts.stack import wait_until
from tests.stack.books import Books
from tests.stack.clients import Clients
from tests.stack.hurting import frozen, process, stopped, unread, wait_for_another
from tests.stack.load import SENTENCE, Load

CLIENTS = 32
VICTIMS = ("v1-1", "v2-1", "v1-2", "v2-1", "v1-3")
WEIGHT = 50
DEBUG = {"X-Experiment-Group": "debug"}


def test_killing_an_instance_loses_no_request(
    connect: Clients,
    supervisor: Supervisor,
    topology: Topology,
    books: Books,
    trying: Callable[..., None],
) -> None:
    trying(weight=WEIGHT)
    addresses = {instance.name: instance.address for instance in topology.instances}
    ports = {instance.name: instance.port for instance in topology.instances}

    def all_wait() -> bool:
        # Each instance may have read one before it was stopped.
        return sum(map(unread, ports.values())) >= CLIENTS - len(ports)

    with Load(connect, CLIENTS) as load:
        load.wait_for_everybody()
        for name in VICTIMS:
            victim = process(supervisor, name)
            with ExitStack() as still:
                for instance in topology.instances:
                    still.enter_context(frozen(process(supervisor, instance.name).pid))
                assert wait_until(all_wait, 2, 0.005)
                os.kill(victim.pid, signal.SIGKILL)
            wait_for_another(supervisor, name, victim.pid)
            load.wait_for_everybody()
    assert set(load.outcomes) == {"200"}
    books.balance()
    accesses = books.accesses(load.mark)
    assert len(accesses) == len(load.answers)
    assert {access.cohort for access in accesses} == {"v1", "canary"}
    repeated = 0
    for name in set(VICTIMS):
        broken = [
            [attempt.status for attempt in access.upstream_attempts]
            for access in accesses
            if access.upstream_attempts[0].address == addresses[name] and access.retried
        ]
        assert broken.count([502, 200]) >= VICTIMS.count(name), (name, broken)
        repeated += broken.count([502, 200])
    # Half of all that waited was at v2, a sixth at each of v1: 48 in the mean.
    assert repeated >= CLIENTS


def test_a_hanging_instance_costs_nobody_an_answer(
    connect: Clients,
    supervisor: Supervisor,
    topology: Topology,
    books: Books,
    trying: Callable[..., None],
) -> None:
    trying(weight=WEIGHT)
    addresses = {instance.name: instance.address for instance in topology.instances}
    with Load(connect, CLIENTS) as load:
        load.wait_for_everybody()
        for name in ("v1-2", "v2-1"):
            with frozen(process(supervisor, name).pid):
                # The answers to those that it had, and then many more.
                load.wait_for_everybody()
                load.wait_for(15 * CLIENTS)
            load.wait_for_everybody()
    assert set(load.outcomes) == {"200"}
    books.balance()
    accesses = books.accesses(load.mark)
    assert len(accesses) == len(load.answers)
    for name in ("v1-2", "v2-1"):
        held = [
            access
            for access in accesses
            if any(
                attempt.address == addresses[name] and attempt.status == 504
                for attempt in access.upstream_attempts
            )
        ]
        assert held, name
        # Of all that was sent meanwhile, hardly anything ever waited for it.
        assert len(held) <= 15 * CLIENTS / 10, (name, len(held))


def test_v1_stands_in_for_a_missing_v2_but_not_for_debug(
    connect: Clients, supervisor: Supervisor, books: Books, trying: Callable[..., None]
) -> None:
    trying(weight=WEIGHT)
    with Load(connect, CLIENTS) as load, stopped(supervisor, "v2-1"):
        load.wait_for_everybody()
        first = len(load.answers)
        forced = connect("127.0.1.40").post("/predict", json=SENTENCE, headers=DEBUG)
        load.wait_for_everybody()
        meanwhile = load.answers[first:]
    assert forced.status_code == 503
    assert forced.headers["Retry-After"] == "2"
    assert "X-Instance" not in forced.headers
    assert set(forced.json()) == {"detail", "request_id"}
    assert set(load.outcomes) == {"200"}
    canary = [a for a in meanwhile if in_canary(bucket_of_user(a.user), WEIGHT)]
    assert canary
    assert all(answer.instance.startswith("v1-") for answer in canary)
    books.balance()
    stood_in = [a for a in books.accesses(load.mark) if a.cohort == "canary"]
    assert any(access.instance.startswith("v1-") for access in stood_in)


def test_with_all_of_v1_gone_clients_are_told_when_to_come_back(
    connect: Clients,
    supervisor: Supervisor,
    topology: Topology,
    books: Books,
    trying: Callable[..., None],
) -> None:
    client = connect("127.0.1.41")
    v1 = [instance.name for instance in topology.instances if instance.version == "v1"]
    with stopped(supervisor, *v1):
        for answer in (client.post("/predict", json=SENTENCE), client.get("/healthz")):
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "2"
            assert set(answer.json()) == {"detail", "request_id"}
        assert client.post("/predict", json=SENTENCE, headers=DEBUG).json()["version"] == "v2"
        trying(weight=100)
        assert client.post("/predict", json=SENTENCE).json()["version"] == "v2"
        trying()
    assert wait_until(lambda: client.post("/predict", json=SENTENCE).status_code == 200, 30)
    books.balance()
