"""Weight, drain and shadow change under load: no error, and nobody is answered by the wrong one."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from gateway.accesslog import Access
from gateway.cohort import bucket_of_user, in_canary
from gateway.supervisor import Supervisor
from gateway.topology import Topology
from scripts.stack import wait_until
from tests.stack.books import Books, predictions
from tests.stack.clients import Clients
from tests.stack.hurting import process, wait_for_another
from tests.stack.load import SENTENCE, Http2Load, Load

CLIENTS = 16
WEIGHTS = (0, 5, 10, 25, 50, 100, 20, 0)
H2_EACH = 5
"""Requests on each HTTP/2 connection with each weight."""
CERTIFICATE = "nginx/certs/nginx.crt"
_CLOCK_S = 0.002
"""Times in the log are whole milliseconds, of both ends."""


def user_in(bucket: int) -> str:
    """An X-User-Id of that bucket."""
    return next(name for n in range(10_000) if bucket_of_user(name := f"h2-user-{n}") == bucket)


def h2_lines(books: Books, load: Http2Load) -> int:
    return sum(access.protocol == "HTTP/2.0" for access in books.accesses(load.mark))


def test_a_change_of_the_weight_is_exact_and_costs_nothing(
    connect: Clients, topology: Topology, books: Books, trying: Callable[..., None]
) -> None:
    users = [user_in(bucket) for bucket in (3, 7, 22, 49, 80)]
    changes: list[tuple[float, float, int]] = []
    h2 = Http2Load(topology.https_port, CERTIFICATE, users, H2_EACH * len(WEIGHTS))
    with Load(connect, CLIENTS) as load, h2:
        for number, weight in enumerate(WEIGHTS, start=1):
            begun = time.time()
            trying(weight=weight)
            changes.append((begun, time.time(), weight))
            load.wait_for_everybody()
            enough = number * H2_EACH * len(users)
            assert wait_until(lambda enough=enough: h2_lines(books, h2) >= enough, 30)  # type: ignore[misc]
        h2.finish()
    assert set(load.outcomes) == {"200"}
    books.balance()
    assert h2_lines(books, h2) == H2_EACH * len(users) * len(WEIGHTS)

    def allowed(access: Access) -> set[str]:
        """The versions that a weight during this request gives to its user."""
        sent, answered = access.time - access.request_time - _CLOCK_S, access.time + _CLOCK_S
        ends = [done for _, done, _ in changes[1:]] + [float("inf")]
        weights = [
            weight
            for (begun, _, weight), end in zip(changes, ends, strict=True)
            if begun <= answered and sent <= end
        ] or [0]
        bucket = bucket_of_user(access.user_id)
        return {"v2" if in_canary(bucket, weight) else "v1" for weight in weights}

    versions = topology.served
    accesses = books.accesses(load.mark) + books.accesses(h2.mark)
    assert len(accesses) == len(load.answers) + h2_lines(books, h2)
    wrong = [access for access in accesses if versions[access.instance] not in allowed(access)]
    assert wrong == []
    # Most requests began and ended with one weight, so the sets say something.
    assert sum(len(allowed(access)) == 1 for access in accesses) > len(accesses) / 2
    assert {versions[access.instance] for access in accesses} == {"v1", "v2"}


def test_what_is_tried_outlives_a_restart(
    connect: Clients, supervisor: Supervisor, root: Path, trying: Callable[..., None]
) -> None:
    trying(weight=100, drained="v1-2")
    pid = process(supervisor, "nginx").pid
    # Both: what a start prepares, and nginx.
    subprocess.run([sys.executable, "-m", "gateway.prepare"], cwd=root, check=True)
    supervisor.restart("nginx")
    wait_for_another(supervisor, "nginx", pid)
    client = connect("127.0.1.73")
    assert client.post("/predict", json=SENTENCE).json()["version"] == "v2"
    control = {"X-Experiment-Group": "control"}
    answers = [client.post("/predict", json=SENTENCE, headers=control) for _ in range(10)]
    assert {answer.headers["X-Instance"] for answer in answers} == {"v1-1", "v1-3"}


def test_a_drained_instance_is_out_and_comes_back_unnoticed(
    connect: Clients,
    supervisor: Supervisor,
    topology: Topology,
    books: Books,
    trying: Callable[..., None],
) -> None:
    name = "v1-2"
    address = next(found.address for found in topology.instances if found.name == name)

    def counted() -> int:
        return predictions(httpx.get(f"http://{address}/metrics").text)

    users = [f"h2-drain-{number}" for number in range(4)]
    h2 = Http2Load(topology.https_port, CERTIFICATE, users, 60)
    with Load(connect, CLIENTS) as load, h2:
        load.wait_for_everybody()
        assert counted() > 0
        trying(drained=name)
        load.wait_for_everybody()
        assert wait_until(lambda: h2_lines(books, h2) > 2 * len(users), 30)
        before, so_far = counted(), len(load.answers)
        load.wait_for(10 * CLIENTS)
        assert counted() == before

        pid = process(supervisor, name).pid
        supervisor.restart(name)
        wait_for_another(supervisor, name, pid)
        load.wait_for_everybody()
        assert counted() == 0
        assert name not in {answer.instance for answer in load.answers[so_far:]}

        trying()
        load.wait_for_everybody()
        so_far = len(load.answers)
        load.wait_for(15 * CLIENTS)
        after = [answer.instance for answer in load.answers[so_far:]]
        h2.finish()
    assert set(load.outcomes) == {"200"}
    v1 = {found.name for found in topology.instances if found.version == "v1"}
    assert set(after) == v1
    assert all(after.count(each) >= 0.25 * len(after) for each in v1)
    assert counted() > 0
    books.balance()
