"""Serve a prepared workspace on its fixed ports and say, as JSON, what clients get.

python -m tests.security.serving ROOT ADDRESS NAME       (in a network of its own)
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

from gateway.settings import load_settings
from gateway.topology import Topology, load_topology
from tests.nginx.gateway_copy import NGINX
from tests.nginx.standin import StandIn
from tests.nginx.wire import wait_until

USER = "ann"
PASSWORD = "correct horse battery"  # noqa: S105
HTTPS, HTTP = 8443, 8080


def curl(root: Path, *arguments: str, login: str = f"{USER}:{PASSWORD}") -> str:
    """Status and redirect; what curl has against the certificate instead, if anything."""
    done = subprocess.run(
        [
            *("curl", "--silent", "--show-error", "--user", login, "--data", "{}"),
            *("--cacert", str(root / "nginx/certs/nginx.crt"), "--output", "/dev/null"),
            *("--write-out", "%{http_code} %{redirect_url}", *arguments),
        ],
        capture_output=True,
        text=True,
        timeout=20,
    )
    return done.stdout.strip() if done.returncode == 0 else done.stderr.strip()


def reachable(address: str, port: int) -> bool:
    """Whether anything accepts a connection there."""
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


def facts(root: Path, topology: Topology, address: str, name: str) -> dict[str, object]:
    """What is true of the gateway at `address`, where it is also called `name`."""
    url = f"https://{address}:{HTTPS}/predict"
    inner = [topology.status_port, *(instance.port for instance in topology.instances)]
    named = ("--resolve", f"{name}:{HTTPS}:{address}")
    return {
        "by address": curl(root, url),
        "by name": curl(root, *named, f"https://{name}:{HTTPS}/predict"),
        "by address over HTTP/1.1": curl(root, "--http1.1", url),
        "another host": curl(root, "--header", "Host: evil.example", url),
        "demo login": curl(root, url, login="admin:admin"),
        "redirect": curl(root, f"http://{address}:{HTTP}/predict"),
        "redirect of another host": curl(
            root, "--header", "Host: evil.example", f"http://{address}:{HTTP}/predict"
        ),
        "open besides": [port for port in inner if reachable(address, port)],
    }


def main(root: Path, address: str, name: str) -> None:
    """Start, ask, print, stop."""
    topology = load_topology(root, load_settings(root, {}))
    standins = [StandIn(each.name, each.version, each.port) for each in topology.instances]
    nginx = None
    try:
        for standin in standins:
            standin.start()
        nginx = subprocess.Popen(NGINX, cwd=root)
        wait_until(lambda: reachable(address, HTTPS), "nginx to listen there")
        sys.stdout.write(json.dumps(facts(root, topology, address, name)))
    finally:
        if nginx is not None:
            nginx.send_signal(signal.SIGTERM)
            nginx.wait(10)
        for standin in standins:
            standin.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
