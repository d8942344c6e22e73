"""What a client of the running gateway sees."""

from __future__ import annotations

import subprocess
from collections import Counter

import httpx
import pytest

from gateway.supervisor import Supervisor
from gateway.topology import Topology
from tests.stack.clients import Clients

SENTENCE = {"sentence": "Oh yeah, that was soooo cool!"}


@pytest.mark.parametrize(
    ("group", "version"),
    [(None, "v1"), ("debug", "v2"), ("control", "v1"), ("anything else", "v1"), ("", "v1")],
)
def test_the_header_decides_the_version(
    connect: Clients, topology: Topology, group: str | None, version: str
) -> None:
    headers = {} if group is None else {"X-Experiment-Group": group}
    answer = connect("127.0.1.10").post("/predict", json=SENTENCE, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["version"] == version
    served_by = {i.name: i.version for i in topology.instances}[answer.headers["X-Instance"]]
    assert served_by == version


def test_v1_answers_with_three_keys(connect: Clients) -> None:
    answer = connect("127.0.1.11").post("/predict", json=SENTENCE).json()
    assert answer == {"prediction": "positive", "version": "v1", "prediction value": "positive"}


def test_v2_says_more(connect: Clients) -> None:
    headers = {"X-Experiment-Group": "debug"}
    answer = connect("127.0.1.12").post("/predict", json=SENTENCE, headers=headers).json()
    assert answer["prediction"] == answer["prediction value"] == "positive"
    probabilities = answer["prediction_proba_dict"]
    assert set(probabilities) == {"negative", "neutral", "positive"}
    assert sum(probabilities.values()) == pytest.approx(1, abs=1e-9)
    assert answer["confidence"] == max(probabilities.values())
    assert answer["known_tokens"] > 0
    assert "cool" in {part["token"] for part in answer["explanation"]}
    assert len(answer["model"]) == 12


@pytest.mark.parametrize("sentence", ["", "😀😀", "Привет мир"])
def test_what_the_model_cannot_read_is_neutral(connect: Clients, sentence: str) -> None:
    headers = {"X-Experiment-Group": "debug"}
    answer = connect("127.0.1.13").post("/predict", json={"sentence": sentence}, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["prediction"] == "neutral"
    assert answer.json()["known_tokens"] == 0


@pytest.mark.parametrize("login", [None, ("admin", "wrong"), ("nobody", "admin")])
def test_without_the_login_there_is_no_answer(
    connect: Clients, login: tuple[str, str] | None
) -> None:
    answer = connect("127.0.1.14", login=login).post("/predict", json=SENTENCE)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert set(answer.json()) == {"detail", "request_id"}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_the_certificate_holds_for_every_name_of_this_machine(connect: Clients, host: str) -> None:
    if host == "[::1]":
        answer = connect("::1", host=host).get("/healthz")
    else:
        answer = connect("127.0.1.15", host=host).get("/healthz")
    assert answer.status_code == 200


def test_http2_is_spoken(supervisor: Supervisor) -> None:
    # The client library's HTTP/2 half is an extra that nobody else here needs.
    done = subprocess.run(
        [
            *("curl", "-sS", "--http2", "-o", "/dev/null", "-w", "%{http_version}"),
            *("--cacert", "nginx/certs/nginx.crt", "https://localhost:8443/healthz"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "2"


@pytest.mark.parametrize(("method", "status"), [("GET", 301), ("HEAD", 301), ("POST", 308)])
def test_plain_http_is_redirected(
    topology: Topology, supervisor: Supervisor, method: str, status: int
) -> None:
    url = f"http://localhost:{topology.http_port}/predict?x=1"
    answer = httpx.request(method, url)
    assert answer.status_code == status
    assert answer.headers["Location"] == f"https://localhost:{topology.https_port}/predict?x=1"


@pytest.mark.parametrize("path", ["/", "/metrics", "/docs", "/openapi.json", "/stub_status"])
def test_nothing_else_is_reachable(connect: Clients, path: str) -> None:
    answer = connect("127.0.1.16").get(path)
    assert answer.status_code == 404
    assert set(answer.json()) == {"detail", "request_id"}


def test_a_loop_of_100_meets_the_limit_and_spreads_evenly(
    connect: Clients, topology: Topology
) -> None:
    client = connect("127.0.1.17")
    answers = [client.post("/predict", json=SENTENCE) for _ in range(100)]
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {200, 429}
    assert statuses[200] >= 21  # the burst of 20 and the one in the rate
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["Retry-After"] == "1"
    assert set(refused.json()) == {"detail", "request_id"}
    hits = Counter(a.headers["X-Instance"] for a in answers if a.status_code == 200)
    v1 = [instance.name for instance in topology.instances if instance.version == "v1"]
    assert set(hits) == set(v1)
    assert all(0.25 <= hits[name] / statuses[200] <= 0.42 for name in v1), hits


def test_the_request_id_is_kept_or_replaced(connect: Clients) -> None:
    client = connect("127.0.1.18")
    kept = client.post("/predict", json=SENTENCE, headers={"X-Request-ID": "order-12345"})
    assert kept.headers["X-Request-ID"] == "order-12345"
    replaced = client.post("/predict", json=SENTENCE, headers={"X-Request-ID": 'a"b'})
    assert replaced.headers["X-Request-ID"] != 'a"b'
    assert len(replaced.headers["X-Request-ID"]) == 32


def test_errors_of_the_service_carry_the_same_request_id(connect: Clients) -> None:
    answer = connect("127.0.1.19").post("/predict", json={"sentence": "x" * 10_001})
    assert answer.status_code == 422
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
    assert "10" in str(answer.json()["detail"])
