"""The hop to another host, both sides on this machine: relay and entry of docs/scale.md."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path

from bench.cli import ROOT
from bench.instances import predict_target
from bench.processes import Program, serving
from bench.rounds import Contender
from scripts.stack import search_path

_EXAMPLE = "docs/examples/other-host"
_ENTRY_PORT, _RELAY_PORT = 8444, 8104
_MOVED = {
    "10.0.0.2:8443": f"127.0.0.1:{_ENTRY_PORT}",
    "10.0.0.1": "127.0.0.1",
    # The relay has the port that the instance has on the other host.
    "server 127.0.0.1:8104": "server 127.0.0.1:8101",
}


def relay_and_entry(clone: Path, running: ExitStack) -> Contender:
    """Start both in `clone`, where v1-1 runs already. Raises BenchError."""
    folder = clone / "other-host"
    shutil.copytree(clone / _EXAMPLE, folder)
    for path in folder.glob("*.conf"):
        text = path.read_text()
        for there, here in _MOVED.items():
            text = text.replace(there, here)
        path.write_text(text)
    subprocess.run(["sh", folder / "certificates.sh", folder / "certs"], check=True)
    servers = {}
    for name, file, port in (
        ("entry", "host-b.conf", _ENTRY_PORT),
        ("relay", "relay.conf", _RELAY_PORT),
    ):
        command = ["nginx", "-p", "var", "-c", f"../other-host/{file}", "-e", "stderr"]
        environ = {**os.environ, "PATH": search_path(ROOT)}
        program = Program(name, command, clone, environ, port, clone / f"var/logs/{name}.log")
        servers[name] = running.enter_context(serving(program))
    meters = {name: server.cpu_s for name, server in servers.items()}
    return Contender("hop", predict_target(clone, f"http://127.0.0.1:{_RELAY_PORT}"), meters)
