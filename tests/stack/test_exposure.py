"""What of the running stack is within reach of others on this machine: docs/security.md, tried."""

from __future__ import annotations

import http.client
import os
import re
import ssl
import subprocess
from pathlib import Path

import pytest

from gateway import process_table
from gateway.certificates import KEY
from gateway.htpasswd import FILE as HTPASSWD
from gateway.supervisor import SOCKET, Supervisor
from gateway.topology import Topology
from tests.stack.clients import Clients

STRANGER, NOBODY = 54321, 65534
LISTEN = "0A"  # linux/include/net/tcp_states.h
LOOPBACK = {"0100007F", "00000000000000000000000001000000"}
"""127.0.0.1 and ::1 as proc_net_tcp(5) spells them."""
OTHER_HOST = {"Host": "evil.example", "Origin": "http://evil.example"}
PASSWORD = "GATEWAY_PASSWORD"  # noqa: S105 - its name


@pytest.fixture(scope="module")
def family(supervisor: Supervisor) -> dict[int, str]:
    """Every process of the stack with the name that the supervisor knows it, or its parent, by."""
    named = {found.pid: found.name for found in supervisor.processes() if found.pid}
    table = process_table.entries()
    named = {pid: name for pid, name in named.items() if pid in table}
    (parent,) = {table[pid].parent for pid in named}
    found = {parent: "process-compose", **named}
    for pid, entry in table.items():
        if entry.parent in named:  # the workers of nginx
            found[pid] = named[entry.parent]
    return found


def sockets(family: dict[int, str]) -> set[str]:
    """The inodes of all sockets that these processes have open."""
    found = set()
    for pid in family:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = str(link.readlink())
            except FileNotFoundError:
                continue
            if target.startswith("socket:["):
                found.add(target[8:-1])
    return found


def documented(root: Path) -> set[int]:
    """The ports of the table in docs/security.md."""
    text = (root / "docs/security.md").read_text()
    table = text.partition("## Ports and sockets")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| ([0-9, ]+) \|", table, re.MULTILINE)
    return {int(port) for cell in cells for port in cell.split(",")}


def test_all_that_listens_is_documented_and_on_loopback(
    family: dict[int, str], topology: Topology, root: Path
) -> None:
    own = sockets(family)
    listening: set[tuple[str, int]] = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for row in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]:
            fields = row.split()
            if fields[9] in own and (fields[3] == LISTEN or table.startswith("udp")):
                address, _, port = fields[1].rpartition(":")
                listening.add((address, int(port, 16)))
    assert {address for address, _ in listening} <= LOOPBACK
    ports = {port for _, port in listening}
    assert ports | {topology.grafana_port} == documented(root)


def test_the_one_unix_socket_is_that_of_the_supervisor(family: dict[int, str], root: Path) -> None:
    own = sockets(family)
    rows = Path("/proc/self/net/unix").read_text().splitlines()[1:]
    # __SO_ACCEPTCON (linux/include/linux/net.h): it listens.
    found = [row.split(maxsplit=7) for row in rows]
    paths = {f[7] if len(f) > 7 else "" for f in found if int(f[3], 16) & 1 << 16 and f[6] in own}
    assert {Path(path).name for path in paths} == {SOCKET.name}
    assert (root / SOCKET).parent.stat().st_mode & 0o777 == 0o700


_LOGS = ["var/logs/access.jsonl", "var/logs/shadow.jsonl", "var/logs/v1-1.log"]
# What is not refused is named. Relative to the folder, which another user may enter.
_ATTEMPTS = f"""
curl --silent --output /dev/null --unix-socket {SOCKET} http://localhost/live && echo socket
for file in {KEY} {HTPASSWD} var/run/pc.log {" ".join(_LOGS)} README.md; do
    cat "$file" >/dev/null 2>&1 && echo "$file"
done
true
"""
_ALL = ["socket", KEY, HTPASSWD, "var/run/pc.log", *_LOGS, "README.md"]


def attempts(root: Path, uid: int) -> list[str]:
    """What a user of that number gets."""
    done = subprocess.run(
        ["/bin/sh", "-c", _ATTEMPTS],
        cwd=root,
        user=uid,
        group=uid,
        extra_groups=[],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("umask", [0o022, 0], ids=["usual umask", "umask 0"])
def test_another_user_reaches_no_secret_and_no_control(
    supervisor: Supervisor, root: Path, umask: int
) -> None:
    assert (root / KEY).stat().st_mode & 0o777 == 0o600
    assert (root / HTPASSWD).stat().st_mode & 0o007 == 0
    assert (root / SOCKET).parent.stat().st_mode & 0o777 == 0o700
    assert (root / "var/logs").stat().st_mode & 0o767 == 0o700
    if os.geteuid() != 0:
        return  # becoming somebody else is for root; the modes are what there is to see
    before = (root / SOCKET).stat().st_mode & 0o777
    # As process-compose would have made it.
    (root / SOCKET).chmod(0o777 & ~umask)
    try:
        assert attempts(root, 0) == _ALL
        # The page shows that the folder was open to be tried.
        assert attempts(root, STRANGER) == ["README.md"]
        # As root, the workers of nginx are nobody: they look passwords up and begin logs anew.
        theirs = {HTPASSWD, *_LOGS}
        assert [found for found in attempts(root, NOBODY) if found not in theirs] == ["README.md"]
    finally:
        (root / SOCKET).chmod(before)


def test_the_password_is_handed_to_nobody_who_does_not_log_in(
    family: dict[int, str], topology: Topology
) -> None:
    holders = {name for pid, name in family.items() if PASSWORD in process_table.variables(pid)}
    assert holders <= {"process-compose", "exporter", "rollout", "traffic"}
    assert "exporter" in holders  # so the others could have had it
    assert {i.name for i in topology.instances} | {"nginx", "prometheus"} <= set(family.values())


def test_no_login_stands_in_a_command_line(family: dict[int, str]) -> None:
    words = [word for pid in family for word in process_table.arguments(pid)]
    assert "--factory" in words
    assert not [word for word in words if "admin" in word]


def answer(port: int, path: str, *, tls: bool = False) -> http.client.HTTPResponse:
    """What a page of another site gets that made its name resolve to this machine."""
    connection: http.client.HTTPConnection
    if tls:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers=OTHER_HOST)
        response = connection.getresponse()
        response.read()
        return response
    finally:
        connection.close()


def test_no_port_but_prometheus_answers_another_host(
    supervisor: Supervisor, topology: Topology, connect: Clients
) -> None:
    asked = {
        "gateway": answer(topology.https_port, "/healthz", tls=True),
        "redirect": answer(topology.http_port, "/healthz"),
        "status": answer(topology.status_port, "/healthz"),
        "exporter": answer(topology.exporter_port, "/metrics"),
        **{i.name: answer(i.port, "/healthz") for i in topology.instances},
    }
    assert {name: found.status for name, found in asked.items()} == dict.fromkeys(asked, 421)
    prometheus = answer(topology.prometheus_port, "/api/v1/query?query=up")
    # It has no such setting; but a page that keeps its own name may not read the answer.
    assert prometheus.status == 200
    assert prometheus.getheader("Access-Control-Allow-Origin") is None
    # The same as everybody gets by the right name.
    assert connect("127.0.1.42").get("/healthz").status_code == 200


def test_prometheus_is_changed_by_nobody(supervisor: Supervisor, topology: Topology) -> None:
    for path in ("/-/quit", "/-/reload", "/api/v1/admin/tsdb/delete_series?match[]=up"):
        connection = http.client.HTTPConnection("127.0.0.1", topology.prometheus_port, timeout=10)
        connection.request("POST", path)
        assert connection.getresponse().status >= 400, path
        connection.close()
