"""What every probe has to know about the workspace, read once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.settings import Settings, load_settings
from gateway.topology import Instance, Topology, load_topology
from gateway.workload import Workload, load_workload


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder, and what its files say."""

    root: Path
    settings: Settings
    topology: Topology
    workload: Workload

    @property
    def stable(self) -> tuple[Instance, ...]:
        """The instances of the version that answers unless a header asks for another one."""
        return self.of_version(self.topology.versions[0])

    def of_version(self, version: str) -> tuple[Instance, ...]:
        """The instances of one version."""
        return tuple(each for each in self.topology.instances if each.version == version)

    def example_body(self) -> bytes:
        """The body of the example request, as sent."""
        body = self.workload.body(self.workload.example.text)
        return json.dumps(body, ensure_ascii=False).encode()


def load_workspace(root: Path, environ: Mapping[str, str]) -> Workspace:
    """Read the files below `root`. Raises ConfigurationError naming file and line."""
    settings = load_settings(root, environ)
    return Workspace(root, settings, load_topology(root, settings), load_workload(root))
