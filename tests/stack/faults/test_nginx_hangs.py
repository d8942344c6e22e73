"""A worker or the master of nginx that hangs, and clients that close half of a connection."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from gateway.nginx_master import workers
from gateway.nginx_probe import read_connections
from gateway.supervisor import Supervisor
from gateway.topology import Topology
from scripts.stack import search_path, wait_until
from tests.stack.clients import Clients
from tests.stack.faults.seen import looking
from tests.stack.hurting import frozen, process, wait_for_another
from tests.stack.load import SENTENCE, Load

CLIENTS = 8


def test_a_master_that_hangs_costs_nothing(
    connect: Clients, supervisor: Supervisor, topology: Topology, root: Path
) -> None:
    """Nobody is there to reload, and requests do not need it."""
    pid = process(supervisor, "nginx").pid
    with looking(root, topology) as seen, Load(connect, CLIENTS) as load:
        with frozen(pid):
            noticed = seen.wait_for(f"nginx's master process {pid} is stopped")
            load.wait_for(10 * CLIENTS)
        seen.wait_for("^(?!.* is stopped)")
    assert set(load.outcomes) == {"200"}
    sys.stderr.write(f"master frozen: said after {noticed:.1f} s\n")


def test_a_worker_that_hangs_is_ended_by_a_restart(
    connect: Clients, supervisor: Supervisor, topology: Topology, root: Path
) -> None:
    """Who is connected to it waits; new connections go to the other one."""
    nginx = process(supervisor, "nginx").pid
    victim = min(workers(nginx) or ())
    with looking(root, topology) as seen, frozen(victim):
        noticed = seen.wait_for(f"of nginx's workers {victim} is stopped")
        fresh = [connect(f"127.0.4.{60 + number}") for number in range(10)]
        assert {client.post("/predict", json=SENTENCE).status_code for client in fresh} == {200}
        environ = {**os.environ, "PATH": search_path(root)}
        command = ["process-compose", "process", "restart", "nginx"]
        begun = time.monotonic()
        subprocess.run(command, cwd=root, env=environ, check=True, capture_output=True)
        wait_for_another(supervisor, "nginx", nginx)
    back = time.monotonic() - begun
    sys.stderr.write(f"worker frozen: said after {noticed:.1f} s, back {back:.1f} s after that\n")
    assert connect("127.0.4.80").post("/predict", json=SENTENCE).status_code == 200


def test_half_closed_connections_are_answered_and_forgotten(
    connect: Clients, supervisor: Supervisor, topology: Topology, root: Path
) -> None:
    """Clients that send, and then say that they will not send more."""
    trust = ssl.create_default_context(cafile=str(root / "nginx/certs/nginx.crt"))
    before = read_connections(topology.status_port)
    assert before is not None
    asked = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answers: Counter[bytes] = Counter()
    opened = []
    for _ in range(20):
        raw = socket.create_connection(("127.0.0.1", topology.https_port), 5)
        secure = trust.wrap_socket(raw, server_hostname="localhost")
        secure.sendall(asked)
        socket.socket.shutdown(secure, socket.SHUT_WR)
        opened.append(secure)
    for secure in opened:
        with secure:
            answers[secure.recv(12)] += 1
    assert set(answers) <= {b"HTTP/1.1 200", b""}

    def back() -> bool:
        now = read_connections(topology.status_port)
        return now is not None and now.active <= before.active

    assert wait_until(back, 30)
    assert connect("127.0.4.81").post("/predict", json=SENTENCE).status_code == 200
