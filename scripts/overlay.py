"""A file that is laid over process-compose.yaml and makes another workspace of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import TopologyError
from gateway.topology import HOST
from gateway.yaml_source import Entry, read_yaml
from scripts.port_check import Need

# Both ends of a range (--min-worker-port, --max-worker-port) stand for what is between them.
_PORT = re.compile(r"(?:--((?:[a-z-]+-)?port)|([A-Z_]+_PORT))=(\d+)")


@dataclass(frozen=True, slots=True)
class Overlay:
    """What a start of the workspace has to know of such a file."""

    file: str
    title: str
    """What the workspace is then, as in "the workspace on Ray"."""
    ready_timeout_s: float
    also: tuple[Need, ...] = ()
    """Ports that it needs and that are written elsewhere."""

    def processes(self, root: Path) -> dict[str, Entry]:
        """What it declares, by process. Raises TopologyError."""
        return read_yaml(root, self.file, TopologyError).require("processes").entries()

    def needs(self, root: Path) -> tuple[Need, ...]:
        """Every port that its commands and environments name, and `also`. Raises TopologyError."""
        found = {need.port: need for need in self.also}
        for process, entry in self.processes(root).items():
            for text in _texts(entry):
                for flag, variable, port in _PORT.findall(text):
                    need = Need(int(port), f"{process}, {flag or variable}", (HOST,))
                    found.setdefault(need.port, need)
        return tuple(found.values())


# As in services/on_ray/deploy.py: Serve itself is told, no argument of `ray start` has it.
_FIRST_PROXY = Need(8701, "ray-1, Serve proxy", (HOST,))
RAY = Overlay("process-compose.ray.yaml", "on Ray", 300.0, (_FIRST_PROXY,))


def _texts(process: Entry) -> list[str]:
    command, environment = process.get("command"), process.get("environment")
    texts = [] if command is None else [command.text()]
    return texts + ([] if environment is None else [item.text() for item in environment.items()])
