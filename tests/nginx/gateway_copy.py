"""The gateway's own files in a folder of their own, prepared as `python -m gateway.prepare` does.

With other ports it runs beside a running workspace: the copies differ from the real
files in port numbers only.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
NGINX = ("nginx", "-p", "var", "-c", "../nginx/nginx.conf", "-e", "stderr")
"""As in process-compose.yaml, to be run in the root of a workspace."""

_ADDRESS = re.compile(r"\b127\.0\.0\.1:(\d+)\b")


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now, all different."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def copy_gateway(root: Path, moved: Mapping[int, int], https_port: int, http_port: int) -> None:
    """Copy nginx/ and .env to `root`, with the ports of `moved` replaced, and prepare them.

    Raises AssertionError for a literal port that is not in `moved`, unless that is empty.
    """
    shutil.copytree(REPOSITORY / "nginx", root / "nginx", ignore=shutil.ignore_patterns("certs"))
    shutil.copy(REPOSITORY / ".env", root)
    declared = (REPOSITORY / "process-compose.yaml").read_text()
    (root / "process-compose.yaml").write_text(
        re.sub(r"\b\d{4}\b", lambda m: str(moved.get(int(m[0]), m[0])), declared)
    )
    if moved:
        for path in (root / "nginx").rglob("*.conf"):
            text = path.read_text()
            unknown = {int(port) for port in _ADDRESS.findall(text)} - set(moved)
            assert not unknown, f"{path.name}: no free port was chosen for {unknown}"
            path.write_text(_ADDRESS.sub(lambda m: f"127.0.0.1:{moved[int(m[1])]}", text))
    subprocess.run(
        [sys.executable, "-m", "gateway.prepare", "--root", str(root)],
        cwd=REPOSITORY,
        env={
            **os.environ,
            "GATEWAY_HTTPS_PORT": str(https_port),
            "GATEWAY_HTTP_PORT": str(http_port),
        },
        check=True,
        timeout=60,
    )


def temporary_root() -> Path:
    """A new folder that the nginx workers can enter: as root they become `nobody`.

    (pytest's own temporary folders are closed to everybody else: every answer would be 500.)
    """
    root = Path(tempfile.mkdtemp(prefix="gateway-"))
    root.chmod(0o755)
    return root
