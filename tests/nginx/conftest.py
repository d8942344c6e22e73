"""A real nginx with the real files on free ports, in front of stand-ins for the instances."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.nginx_master import running_master
from gateway.settings import load_settings
from gateway.topology import Topology, load_topology
from tests.nginx.gateway_copy import NGINX, REPOSITORY, copy_gateway, free_ports, temporary_root
from tests.nginx.standin import StandIn
from tests.nginx.wire import Wire, wait_until

LOGIN = ("admin", "admin")
_WORST = re.compile(r"\[(?:emerg|alert|crit)\]")
_addresses = itertools.count(1)


def fresh_address() -> str:
    """A source address with its whole allowance: the limit is per address."""
    number = next(_addresses)
    return f"127.0.{2 + number // 250}.{1 + number % 250}"


@dataclass(frozen=True)
class Gateway:
    """A running gateway and what is behind it."""

    root: Path
    https_port: int
    http_port: int
    status_port: int
    tls: ssl.SSLContext
    instances: dict[str, StandIn]

    @property
    def v1(self) -> list[StandIn]:
        """The three instances of v1."""
        return [standin for standin in self.instances.values() if standin.version == "v1"]

    @property
    def v2(self) -> StandIn:
        """The one instance of v2."""
        return self.instances["v2-1"]

    def log(self, lines: int) -> list[dict[str, str]]:
        """The access log, once it has that many lines. A line follows its answer closely."""
        path = self.root / "var/logs/access.jsonl"

        def read() -> list[dict[str, str]]:
            return [json.loads(line) for line in path.read_text().splitlines()]

        wait_until(lambda: len(read()) >= lines, f"{lines} lines in the access log")
        return read()

    def wire(self, port: int | None = None, *, tls: bool = True, source: str = "") -> Wire:
        """A connection for requests that no HTTP client would send."""
        context = self.tls if tls else None
        return Wire(port or self.https_port, context, source or fresh_address())


Connect = Callable[..., httpx.Client]


@pytest.fixture(scope="session")
def topology() -> Topology:
    return load_topology(REPOSITORY, load_settings(REPOSITORY, {}))


@pytest.fixture(scope="session")
def prepared(topology: Topology) -> Iterator[Gateway]:
    """Files and stand-ins; nginx does not run yet."""
    declared = [instance.port for instance in topology.instances]
    https, http, status, *ports = free_ports(3 + len(declared))
    instances = {
        instance.name: StandIn(instance.name, instance.version, port)
        for instance, port in zip(topology.instances, ports, strict=True)
    }
    moved = dict(zip([topology.status_port, *declared], [status, *ports], strict=True))
    root = temporary_root()
    try:
        copy_gateway(root, moved, https, http)
        tls = ssl.create_default_context(cafile=root / "nginx/certs/nginx.crt")
        yield Gateway(root, https, http, status, tls, instances)
    finally:
        for standin in instances.values():
            standin.stop()
        shutil.rmtree(root)


@pytest.fixture
def gateway(prepared: Gateway) -> Iterator[Gateway]:
    """The gateway, just started: nothing counted, nothing down, an empty log."""
    for standin in prepared.instances.values():
        standin.reset()
    for log in ("access", "shadow"):
        (prepared.root / f"var/logs/{log}.jsonl").unlink(missing_ok=True)
    errors = prepared.root / "errors.txt"
    with errors.open("w") as output:
        process = subprocess.Popen(NGINX, cwd=prepared.root, stdout=output, stderr=output)
    try:
        wait_until(lambda: process.poll() is not None or _is_up(prepared), "nginx to start")
        assert process.poll() is None, errors.read_text()
        yield prepared
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)
    worst = [line for line in errors.read_text().splitlines() if _WORST.search(line)]
    assert not worst


def _is_up(gateway: Gateway) -> bool:
    with socket.socket() as probe:
        listens = probe.connect_ex(("127.0.0.1", gateway.status_port)) == 0
    # It listens before it writes its pid.
    return listens and running_master(gateway.root) is not None


@pytest.fixture
def connect(gateway: Gateway) -> Iterator[Connect]:
    """Makes clients of the gateway, each with a source address of its own."""
    opened: list[httpx.Client] = []

    def make(login: tuple[str, str] | None = LOGIN, **options: Any) -> httpx.Client:
        transport = httpx.HTTPTransport(verify=gateway.tls, local_address=fresh_address())
        base = f"https://localhost:{gateway.https_port}"
        client = httpx.Client(base_url=base, auth=login, transport=transport, **options)
        opened.append(client)
        return client

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def client(connect: Connect) -> httpx.Client:
    """One client with the right password."""
    return connect()
