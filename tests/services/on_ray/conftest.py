"""A workspace of one version, with stand-ins for what Ray would be. No Ray is started."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from services.artefact import read_manifest
from services.on_ray import door
from tests.nginx.gateway_copy import REPOSITORY, free_ports
from tests.services.on_ray.nodes import Node

DEPLOY = """\
#!/bin/sh
echo "$@" >>deployments
echo "a stand-in deploys" >&2
while [ -e held ]; do sleep 0.01; done
[ ! -e fails ] || exit 7
touch deployed
"""


def write_model(folder: Path) -> str:
    """A manifest, which is all that a door reads of a model; its digest."""
    folder.mkdir(parents=True)
    files = {"model.folded": {"sha256": "0" * 64, "size": 1}}
    manifest = {"format": 1, "version": folder.name, "backend": "folded", "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return read_manifest(folder)[1]


@dataclass
class Workspace:
    """A folder in which a door runs as in a clone, on ports of its own."""

    root: Path
    nodes: tuple[Node, Node]
    digest: str
    ends: ExitStack = field(default_factory=ExitStack)

    def environ(self, port: int, instance: str = "v1-1") -> dict[str, str]:
        """As process-compose.yaml has it."""
        return {"INSTANCE": instance, "MODEL_VERSION": "v1", "PORT": str(port)}

    def open(self, port: int, instance: str = "v1-1") -> subprocess.Popen[str]:
        """Start a door, which is killed after the test if it still runs then."""
        process = subprocess.Popen(
            [sys.executable, "-m", "services.on_ray.door"],
            cwd=self.root,
            env={**os.environ, **self.environ(port, instance), "PC_PROC_NAME": instance},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.ends.enter_context(process)
        self.ends.callback(process.kill)
        return process

    @property
    def deployments(self) -> list[str]:
        """The arguments with which the stand-in of the deploy command was run."""
        try:
            return (self.root / "deployments").read_text().splitlines()
        except FileNotFoundError:
            return []

    def serve(self, digest: str) -> None:
        """Both nodes serve the model `digest`."""
        for node in self.nodes:
            node.answer = lambda _: (200, json.dumps({"model": digest}).encode())

    def serve_once_deployed(self) -> None:
        """Both nodes serve the model once the stand-in has deployed it; 503 before."""
        content = json.dumps({"model": self.digest}).encode()
        for node in self.nodes:
            node.answer = lambda _: (
                (200, content) if (self.root / "deployed").exists() else (503, b"{}")
            )


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """The nodes listen; the files differ from the real ones in the ports of the nodes only."""
    nodes = Node(), Node()
    moved = {str(old): str(node.port) for old, node in zip(door.PROXIES, nodes, strict=True)}
    shutil.copytree(
        REPOSITORY / "services",
        tmp_path / "services",
        ignore=shutil.ignore_patterns("__pycache__", "training"),
    )
    for name in ("door.py", "door.conf"):
        path = tmp_path / "services/on_ray" / name
        text = path.read_text()
        path.write_text(re.sub("|".join(moved), lambda found: moved[found[0]], text))
    for folder in ("run", "tmp"):  # as gateway.prepare does
        (tmp_path / "var" / folder).mkdir(parents=True)
    python = tmp_path / ".tools/ray/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(DEPLOY)
    python.chmod(0o755)
    workspace = Workspace(tmp_path, nodes, write_model(tmp_path / "var/models/v1"))
    try:
        for node in nodes:
            node.start()
        yield workspace
    finally:
        workspace.ends.close()
        for node in nodes:
            node.stop()


@pytest.fixture
def port() -> int:
    """A free one."""
    return free_ports(1)[0]
