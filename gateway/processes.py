"""What process-compose.yaml declares: the instances, and the ports of the other processes."""

import re
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Place, TopologyError
from gateway.ports import parse_port
from gateway.yaml_source import Entry, read_yaml

FILE = "process-compose.yaml"

# How the command of a process spells the port that it listens on.
_COMMAND_PORTS = {
    "exporter": re.compile(r"--port[ =](\d+)"),
    "prometheus": re.compile(r"--web\.listen-address[ =]\S*:(\d+)"),
}


@dataclass(frozen=True, slots=True)
class Port:
    """A TCP port and the line that says so."""

    number: int
    place: Place


@dataclass(frozen=True, slots=True)
class DeclaredInstance:
    """One process that serves the model."""

    process: str
    """Its name for process-compose."""
    name: str
    """INSTANCE: what it calls itself in X-Instance."""
    version: str
    port: Port
    probe: Port | None
    """Where process-compose asks whether it is ready."""
    place: Place
    """The line of its environment."""


@dataclass(frozen=True, slots=True)
class Declared:
    """The part of process-compose.yaml that other files repeat."""

    names: tuple[str, ...]
    """Every process, in the order of the file."""
    instances: tuple[DeclaredInstance, ...]
    commands: dict[str, Port]
    """Port in the command line, by process name."""
    probes: dict[str, Port]
    """Port of the readiness probe, by process name."""

    def port_of(self, process: str) -> Port:
        """Where a process listens: by its command, else by its probe. Raises TopologyError."""
        port = self.commands.get(process) or self.probes.get(process)
        if port is None:
            problem = f"the process `{process}` is missing or names no port"
            raise TopologyError(Place(FILE), problem, "restore it with its readiness_probe")
        return port


def read_processes(root: Path) -> Declared:
    """Read process-compose.yaml of the workspace at `root`. Raises TopologyError."""
    processes = read_yaml(root, FILE, TopologyError).require("processes").entries()
    source = (root / FILE).read_text(encoding="utf-8").split("\n")
    instances: list[DeclaredInstance] = []
    commands: dict[str, Port] = {}
    probes: dict[str, Port] = {}
    for process, entry in processes.items():
        probe = _probe(entry)
        if probe is not None:
            probes[process] = probe
        environment = _environment(entry)
        if "INSTANCE" in environment:
            instances.append(_instance(process, environment, probe))
        command = _command_port(process, entry, source)
        if command is not None:
            commands[process] = command
    if not instances:
        problem = "no process has an INSTANCE in its environment"
        raise TopologyError(Place(FILE), problem, "declare at least one instance")
    return Declared(tuple(processes), tuple(instances), commands, probes)


def _environment(process: Entry) -> dict[str, tuple[str, Place]]:
    entry = process.get("environment")
    if entry is None:
        return {}
    values: dict[str, tuple[str, Place]] = {}
    for item in entry.items():
        key, equals, value = item.text().partition("=")
        if not equals:
            raise TopologyError(item.place, f"{key!r} has no value", 'write "KEY=value"')
        values[key] = (value, item.place)
    return values


def _instance(
    process: str, environment: dict[str, tuple[str, Place]], probe: Port | None
) -> DeclaredInstance:
    name, place = environment["INSTANCE"]
    for key in ("MODEL_VERSION", "PORT"):
        if key not in environment:
            raise TopologyError(place, f"{process} has INSTANCE but no {key}", f"add {key}=...")
    version, _ = environment["MODEL_VERSION"]
    text, port_place = environment["PORT"]
    return DeclaredInstance(process, name, version, _port(text, port_place), probe, place)


def _port(text: str, place: Place) -> Port:
    number = parse_port(text)
    if number is None:
        raise TopologyError(place, f"{text!r} is not a port", "give a number from 1 to 65535")
    return Port(number, place)


def _probe(process: Entry) -> Port | None:
    probe = process.get("readiness_probe")
    http = probe.get("http_get") if probe is not None else None
    port = http.get("port") if http is not None else None
    return None if port is None else Port(port.port(), port.place)


def _command_port(process: str, entry: Entry, source: list[str]) -> Port | None:
    pattern = _COMMAND_PORTS.get(process)
    command = entry.get("command")
    if pattern is None or command is None:
        return None
    # A folded command covers several lines; the message should name the right one.
    for number in command.lines:
        match = pattern.search(source[number - 1]) if number <= len(source) else None
        if match is not None:
            return _port(match[1], Place(FILE, number))
    return None
