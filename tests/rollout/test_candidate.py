"""What is seen of the instances beside the logs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from gateway import process_table
from gateway.supervisor import (
    Process,
    ProcessHealth,
    ProcessStatus,
    Supervisor,
    SupervisorUnreachable,
)
from gateway.topology import Instance, Topology
from rollout import candidate as candidate_module
from rollout.candidate import UNNAMED, Candidate, Run, served
from rollout.finish import in_flight
from tests.rollout.standin import TOPOLOGY


@contextmanager
def answering(status: int, body: bytes) -> Iterator[Instance]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Instance("v2-1", "v2", server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, json.dumps({"model": "0123456789ab"}).encode(), "0123456789ab"),
        (200, b"fine", UNNAMED),
        (200, b'{"model": 7}', UNNAMED),
        (200, b"[]", UNNAMED),
        (503, json.dumps({"model": "0123456789ab"}).encode(), None),
    ],
)
def test_an_instance_says_what_it_serves(status: int, body: bytes, expected: str | None) -> None:
    with answering(status, body) as instance:
        assert served(instance) == expected
    assert served(instance) is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"# TYPE http_requests_in_progress gauge\nhttp_requests_in_progress 4.0\n", 3),
        (b"http_requests_in_progress 1.0\n", 0),
        (b"other 1\n", 0),
    ],
)
def test_requests_in_flight_are_those_of_others(body: bytes, expected: int) -> None:
    with answering(200, body) as instance:
        assert in_flight(instance) == expected
    assert in_flight(instance) == 0


def process(name: str, pid: int, restarts: int, age: float) -> Process:
    running, ready = ProcessStatus.RUNNING, ProcessHealth.READY
    return Process(name, "services", running, ready, restarts, 0, pid, 0.0, 0, age)


def test_restarts_load_and_what_is_of_earlier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[tuple[Process, ...] | Exception] = [
        (process("v2-1", 11, 0, 60.0), process("v1-1", 12, 0, 60.0), process("nginx", 9, 0, 60.0)),
        (process("v2-1", 11, 0, 61.9), process("v1-1", 0, 0, 0.0)),
        SupervisorUnreachable("nobody answers"),
        (process("v2-1", 13, 1, 0.5), process("v1-1", 14, 0, 1.0)),
    ]

    def processes(_: Supervisor) -> tuple[Process, ...]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    used = {11: [1.0, 1.5, 1.5], 13: [0.2]}
    monkeypatch.setattr(Supervisor, "processes", processes)
    monkeypatch.setattr(candidate_module, "served", lambda instance: "0123456789ab")
    monkeypatch.setattr(process_table, "cpu_seconds", lambda pid: used[pid].pop(0))
    watched = Candidate(tmp_path, TOPOLOGY)
    watched.look(1000.0)
    assert (watched.sight.healthy, watched.sight.digest) == (True, "0123456789ab")
    assert watched.sight.runs == {"v2-1": Run(11, 0, 940.0), "v1-1": Run(12, 0, 940.0)}
    assert watched.sight.load is None
    watched.look(1002.0)
    # The same process, however its age is told; one that is gone is as it was.
    assert watched.sight.runs == {"v2-1": Run(11, 0, 940.0), "v1-1": Run(12, 0, 940.0)}
    assert watched.sight.load == 0.25
    watched.look(1003.0)
    assert watched.sight.problem == "restarts and load are of earlier: nobody answers"
    assert watched.sight.runs["v2-1"] == Run(11, 0, 940.0)
    watched.look(1004.0)
    assert watched.sight.problem is None
    assert watched.sight.runs == {"v2-1": Run(13, 1, 1003.5), "v1-1": Run(14, 0, 1003.0)}
    assert watched.sight.load is None


def test_different_models_are_no_one_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Supervisor, "processes", lambda _: ())
    topology = Topology((*TOPOLOGY.instances, Instance("v2-2", "v2", 8202)), 1, 2, 3, 4, 5, 6)
    said: dict[str, str | None] = {"v2-1": "aaaaaaaaaaaa", "v2-2": "bbbbbbbbbbbb"}
    monkeypatch.setattr(candidate_module, "served", lambda instance: said[instance.name])
    watched = Candidate(tmp_path, topology)
    watched.look(1.0)
    assert watched.sight.digest == "aaaaaaaaaaaa and bbbbbbbbbbbb"
    said["v2-1"] = None
    watched.look(2.0)
    assert (watched.sight.healthy, watched.sight.digest) == (True, "bbbbbbbbbbbb")
    said["v2-2"] = None
    watched.look(3.0)
    found = watched.sight
    assert not found.healthy
    assert found.digest is None
