"""Who answers: cohort by header, balance, retries, and what happens when nobody can."""

from collections import Counter

import httpx
import pytest

from gateway.canary import Experiment, write_experiment
from tests.nginx.conftest import Connect, Gateway
from tests.nginx.standin import Behaviour
from tests.nginx.wire import BASIC, post, wait_until

V1 = {"v1-1", "v1-2", "v1-3"}


@pytest.mark.parametrize("group", ["debug", "DEBUG", "  debug  "])
def test_debug_header_is_answered_by_v2(gateway: Gateway, group: str) -> None:
    with gateway.wire() as wire:
        answer = wire.ask(post(headers=(BASIC, f"X-Experiment-Group:{group}")))
    assert (answer.status, answer.headers["x-instance"]) == (200, "v2-1")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Experiment-Group": "control"},
        {"X-Experiment-Group": ""},
        {"X-Experiment-Group": "v2"},
        {"X-Experiment-Group": "debugger"},
        {"X-Experiment-Group": "debug%00"},
        {"X_Experiment_Group": "debug"},
    ],
)
def test_everything_else_is_answered_by_v1(
    gateway: Gateway, client: httpx.Client, headers: dict[str, str]
) -> None:
    for _ in range(4):
        answer = client.post("/predict", json={}, headers=headers)
        assert answer.status_code == 200
        assert answer.headers["x-instance"] in V1
    assert not gateway.v2.received


def test_v1_instances_share_the_requests(connect: Connect) -> None:
    answered = Counter(
        client.post("/predict", json={}).headers["x-instance"]
        for client in (connect() for _ in range(3))
        for _ in range(20)
    )
    assert set(answered) == V1
    assert min(answered.values()) >= 15


def test_connections_to_an_instance_are_kept_open(gateway: Gateway, client: httpx.Client) -> None:
    for _ in range(20):
        client.post("/predict", json={})
    # One client connection is served by one worker, which needs one to each instance.
    assert [standin.connections for standin in gateway.v1] == [1, 1, 1]


@pytest.mark.parametrize("behaviour", [Behaviour.ABORT, Behaviour.UNAVAILABLE])
def test_a_post_is_repeated_when_an_instance_fails(
    gateway: Gateway, client: httpx.Client, behaviour: Behaviour
) -> None:
    gateway.v1[0].behaviour = behaviour
    answers = [client.post("/predict", json={"sentence": "again"}) for _ in range(12)]
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["x-instance"] for answer in answers} == V1 - {"v1-1"}
    assert gateway.v1[0].received[0].body == answers[0].request.content


def test_a_dead_instance_costs_no_request(gateway: Gateway, client: httpx.Client) -> None:
    gateway.v1[1].stop()
    assert {client.post("/predict", json={}).status_code for _ in range(12)} == {200}
    repeated = [line for line in gateway.log(12) if ", " in line["upstream_addr"]]
    assert repeated
    first, last = repeated[0]["upstream_addr"].split(", ")
    assert first == f"127.0.0.1:{gateway.v1[1].port}" != last
    assert repeated[0]["upstream_status"] == "502, 200"


def test_a_hung_instance_delays_but_does_not_fail(gateway: Gateway, client: httpx.Client) -> None:
    gateway.v1[2].behaviour = Behaviour.HANG
    client.timeout = httpx.Timeout(15.0)
    answers = [client.post("/predict", json={}) for _ in range(4)]
    assert {answer.status_code for answer in answers} == {200}
    assert len(gateway.v1[2].received) == 1
    assert "504, 200" in {line["upstream_status"] for line in gateway.log(4)}


def test_an_instance_that_is_back_is_used_again(gateway: Gateway, connect: Connect) -> None:
    gateway.v1[0].stop()
    client = connect()
    for _ in range(3):
        client.post("/predict", json={})
    gateway.v1[0].reset()

    def is_used() -> bool:
        # A new address each time: waiting must not meet the limit.
        return connect().post("/predict", json={}).headers["x-instance"] == "v1-1"

    wait_until(is_used, "v1-1 to be asked again")


def test_debug_is_never_answered_by_v1(gateway: Gateway, client: httpx.Client) -> None:
    gateway.v2.stop()
    for _ in range(3):
        answer = client.post("/predict", json={}, headers={"X-Experiment-Group": "debug"})
        assert answer.status_code == 503
        assert set(answer.json()) == {"detail", "request_id"}
        assert answer.headers["retry-after"] == "2"
    assert not any(standin.received for standin in gateway.v1)
    # Tried every time, so it is back as soon as it is back.
    gateway.v2.reset()
    answer = client.post("/predict", json={}, headers={"X-Experiment-Group": "debug"})
    assert (answer.status_code, answer.headers["x-instance"]) == (200, "v2-1")


def test_without_any_v1_the_answer_is_503(gateway: Gateway, client: httpx.Client) -> None:
    for standin in gateway.v1:
        standin.stop()
    for _ in range(2):
        answer = client.post("/predict", json={})
        assert answer.status_code == 503
        assert answer.json() == {
            "detail": "No instance of this model version can answer",
            "request_id": answer.headers["x-request-id"],
        }
        assert answer.headers["retry-after"] == "2"
    assert not gateway.v2.received
    assert client.get("/healthz").status_code == 503


def test_with_everything_down_each_cohort_is_told_to_come_back(
    gateway: Gateway, client: httpx.Client
) -> None:
    write_experiment(gateway.root, Experiment(weight=100))
    try:
        for standin in gateway.instances.values():
            standin.stop()
        for group in ("", "control", "debug", "", "control", "debug"):
            answer = client.post("/predict", json={}, headers={"X-Experiment-Group": group})
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "2"
            assert set(answer.json()) == {"detail", "request_id"}
        cohorts = [line["cohort"] for line in gateway.log(6)]
    finally:
        write_experiment(gateway.root, Experiment())
    assert cohorts == ["canary", "control", "debug"] * 2
