"""The canary: who gets v2, what happens where v2 cannot answer, and that nobody is moved back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from gateway.canary import Experiment, write_experiment
from gateway.cohort import bucket_of, bucket_of_user, in_canary
from tests.nginx.conftest import Connect, Gateway
from tests.nginx.standin import Behaviour
from tests.nginx.wire import wait_until

V1 = {"v1-1", "v1-2", "v1-3"}
# 20 a second and address pass: so many requests from one client never meet the limit.
BATCH = 20


@pytest.fixture(autouse=True)
def _nothing_tried(gateway: Gateway) -> Iterator[None]:
    yield
    write_experiment(gateway.root, Experiment())


def ask(connect: Connect, users: list[str]) -> dict[str, str]:
    """The instance that answered each user."""
    found = {}
    for start in range(0, len(users), BATCH):
        client = connect()
        for user in users[start : start + BATCH]:
            answer = client.post("/predict", json={}, headers={"X-User-Id": user})
            assert answer.status_code == 200
            found[user] = answer.headers["x-instance"]
    return found


def test_every_user_gets_what_was_predicted(gateway: Gateway, connect: Connect) -> None:
    users = [f"u-{number}" for number in range(77)] + ["alice@example.com", "a", "B.b_b-b"]
    for weight in (1, 50, 100):
        write_experiment(gateway.root, Experiment(weight=weight))
        found = ask(connect, users)
        for user, instance in found.items():
            canary = in_canary(bucket_of_user(user), weight)
            assert (instance == "v2-1") is canary, (user, weight)


def test_raising_the_weight_moves_nobody_back(gateway: Gateway, connect: Connect) -> None:
    users = [f"m-{number}" for number in range(60)]
    before: set[str] = set()
    for weight in (10, 25, 50, 100):
        write_experiment(gateway.root, Experiment(weight=weight))
        now = {user for user, instance in ask(connect, users).items() if instance == "v2-1"}
        assert before <= now
        before = now
    assert before == set(users)


def test_without_a_user_a_cookie_keeps_the_cohort(gateway: Gateway, connect: Connect) -> None:
    write_experiment(gateway.root, Experiment(weight=50))
    cohorts: Counter[bool] = Counter()
    for _ in range(16):
        client = connect()
        first = client.post("/predict", json={})
        cookie = client.cookies["switchyard_bucket"]
        expected = in_canary(bucket_of(f"c:{cookie}"), 50)
        answers = [first, *(client.post("/predict", json={}) for _ in range(5))]
        assert {a.headers["x-instance"] == "v2-1" for a in answers} == {expected}
        assert [a for a in answers[1:] if "set-cookie" in a.headers] == []
        cohorts[expected] += 1
    assert set(cohorts) == {True, False}


def test_no_cookie_where_it_would_be_of_no_use(gateway: Gateway, client: httpx.Client) -> None:
    assert "set-cookie" not in client.post("/predict", json={}).headers
    write_experiment(gateway.root, Experiment(weight=50))
    for headers in ({"X-User-Id": "u"}, {"X-Experiment-Group": "debug"}):
        assert "set-cookie" not in client.post("/predict", json={}, headers=headers).headers
    assert "set-cookie" not in client.get("/nothing").headers


def test_who_chose_a_group_is_not_moved(gateway: Gateway, client: httpx.Client) -> None:
    write_experiment(gateway.root, Experiment(weight=100))
    control = client.post("/predict", json={}, headers={"X-Experiment-Group": "control"})
    assert control.headers["x-instance"] in V1
    write_experiment(gateway.root, Experiment(weight=1))
    debug = client.post("/predict", json={}, headers={"X-Experiment-Group": "debug"})
    assert debug.headers["x-instance"] == "v2-1"
    assert [line["cohort"] for line in gateway.log(2)] == ["control", "debug"]


@pytest.mark.parametrize("failure", ["killed", Behaviour.ABORT, Behaviour.UNAVAILABLE])
def test_v1_answers_where_v2_cannot(
    gateway: Gateway, connect: Connect, failure: str | Behaviour
) -> None:
    write_experiment(gateway.root, Experiment(weight=100))
    if isinstance(failure, Behaviour):
        gateway.v2.behaviour = failure
    else:
        gateway.v2.stop()
    assert set(ask(connect, [f"f-{number}" for number in range(40)]).values()) <= V1
    lines = gateway.log(40)
    assert {line["cohort"] for line in lines} == {"canary"}
    assert any(", " in line["upstream_addr"] for line in lines)


def test_a_forced_v2_is_never_answered_by_v1(gateway: Gateway, client: httpx.Client) -> None:
    write_experiment(gateway.root, Experiment(weight=100))
    gateway.v2.stop()
    answer = client.post("/predict", json={}, headers={"X-Experiment-Group": "debug"})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"


def test_a_drained_instance_gets_nothing_new(gateway: Gateway, connect: Connect) -> None:
    for name in ("v1-2", "v1-1"):
        write_experiment(gateway.root, Experiment(weight=30, drained=name))
        gateway.instances[name].received.clear()
        found = ask(connect, [f"d-{number}" for number in range(60)])
        assert set(found.values()) == (V1 | {"v2-1"}) - {name}
        assert gateway.instances[name].received == []
    write_experiment(gateway.root, Experiment())
    assert set(ask(connect, [f"e-{number}" for number in range(60)]).values()) == V1


def test_a_drained_v2_leaves_the_canary_to_v1(gateway: Gateway, client: httpx.Client) -> None:
    write_experiment(gateway.root, Experiment(weight=100, shadow=100, drained="v2-1"))
    assert client.post("/predict", json={}).headers["x-instance"] in V1
    forced = client.post("/predict", json={}, headers={"X-Experiment-Group": "debug"})
    assert forced.status_code == 503
    assert gateway.v2.received == []


def test_a_request_in_flight_is_finished(gateway: Gateway, connect: Connect) -> None:
    busy = gateway.instances["v1-3"]
    busy.behaviour = Behaviour.HOLD
    with ThreadPoolExecutor(8) as pool:
        clients = [connect() for _ in range(8)]
        answers = [pool.submit(client.post, "/predict", json={}) for client in clients]
        wait_until(lambda: busy.received, "a request at v1-3")
        write_experiment(gateway.root, Experiment(drained="v1-3"))
        held = len(busy.received)
        assert set(ask(connect, [f"h-{number}" for number in range(20)]).values()) <= V1 - {"v1-3"}
        busy.released.set()
        assert [answer.result().status_code for answer in answers] == [200] * 8
    assert len(busy.received) == held
