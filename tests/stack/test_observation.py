"""Log, exporter and Prometheus tell one story, and it is the client's."""

from __future__ import annotations

import json
import re
import uuid
from collections import Counter
from pathlib import Path

import httpx

from gateway.accesslog import parse
from gateway.supervisor import ProcessStatus, Supervisor
from gateway.topology import Topology
from scripts.stack import wait_until
from tests.stack.clients import Clients

SENTENCE = {"sentence": "I am happy"}


def _lines(root: Path) -> list[bytes]:
    """Also of the logs that another test has rotated away."""
    paths = (root / "var/logs").glob("access.jsonl*")
    return [line for path in paths for line in path.read_bytes().splitlines()]


def test_every_request_leaves_one_line(connect: Clients, root: Path) -> None:
    mark = uuid.uuid4().hex
    client = connect("127.0.1.30")
    answers = {}
    for number in range(40):  # beyond the burst: refused requests have their line too
        request_id = f"{mark}-{number}"
        answers[request_id] = client.post(
            "/predict", json=SENTENCE, headers={"X-Request-ID": request_id}
        )

    def written() -> list[bytes]:
        return [line for line in _lines(root) if mark.encode() in line]

    # nginx writes the line after the client has its answer.
    assert wait_until(lambda: len(written()) >= 40, 30)
    logged = [parse(line) for line in written()]
    assert {access.request_id: access.status for access in logged} == {
        request_id: answer.status_code for request_id, answer in answers.items()
    }
    assert len(logged) == 40
    for access in logged:
        assert access.instance == answers[access.request_id].headers.get("X-Instance", "")
        assert access.remote_user == "admin"
        assert access.prediction == ("positive" if access.status == 200 else "")


def test_the_prediction_header_stays_inside(connect: Clients) -> None:
    assert "X-Prediction" not in connect("127.0.1.31").post("/predict", json=SENTENCE).headers


def test_password_and_sentence_are_never_logged(connect: Clients, root: Path) -> None:
    sentence = uuid.uuid4().hex
    connect("127.0.1.32").post("/predict", json={"sentence": sentence})
    logs = b"".join(path.read_bytes() for path in (root / "var/logs").iterdir() if path.is_file())
    assert sentence.encode() not in logs
    assert b"YWRtaW46YWRtaW4" not in logs  # admin:admin as the header carries it


def test_the_exporter_counts_what_the_log_holds(
    connect: Clients, supervisor: Supervisor, topology: Topology, root: Path
) -> None:
    connect("127.0.1.33").post("/predict", json=SENTENCE)

    # Read anew each time: nginx writes the line after the client has its answer.
    def logged() -> Counter[str]:
        return Counter(
            str(parse(line).status) for line in _lines(root) if json.loads(line)["server"]
        )

    def exported() -> Counter[str]:
        text = httpx.get(f"http://127.0.0.1:{topology.exporter_port}/metrics").text
        counts: Counter[str] = Counter()
        for line in text.splitlines():
            if line.startswith("gateway_requests_total{"):
                status = line.split('status="')[1].split('"')[0]
                counts[status] += int(float(line.rsplit(" ", 1)[1]))
        return counts

    assert wait_until(lambda: exported() == logged(), 30), (exported(), logged())


def test_every_target_of_prometheus_is_up(supervisor: Supervisor, topology: Topology) -> None:
    url = f"http://127.0.0.1:{topology.prometheus_port}/api/v1/targets"

    def health() -> dict[str, str]:
        targets = httpx.get(url).json()["data"]["activeTargets"]
        return {target["labels"]["instance"]: target["health"] for target in targets}

    expected = {"v1-1", "v1-2", "v1-3", "v2-1", "gateway", "prometheus"}
    assert wait_until(lambda: set(health().values()) == {"up"}, 30), health()
    assert set(health()) == expected


def test_prometheus_shows_its_pages(supervisor: Supervisor, topology: Topology) -> None:
    page = httpx.get(f"http://127.0.0.1:{topology.prometheus_port}/", follow_redirects=True)
    assert page.status_code == 200
    script = re.search(r'src="([^"]+\.js[^"]*)"', page.text)
    assert script is not None
    assert httpx.get(str(page.url.join(script[1]))).status_code == 200


def test_grafana_runs_or_says_why_not(
    supervisor: Supervisor, root: Path, topology: Topology
) -> None:
    grafana = next(process for process in supervisor.processes() if process.name == "grafana")
    if grafana.status is ProcessStatus.COMPLETED:
        assert grafana.exit_code == 0
        said = (root / "var/logs/grafana.log").read_text().splitlines()
        assert said[-1].startswith("Grafana was not started: ")
        assert len(set(said)) == 1  # one line for each start
    else:
        answer = httpx.get(f"http://127.0.0.1:{topology.grafana_port}/api/health")
        assert answer.status_code == 200
