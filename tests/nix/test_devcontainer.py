"""The dev containers: valid, alike, in step with the ports, and understood by their CLI."""

from __future__ import annotations

import copy
import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gateway.settings import load_settings
from gateway.topology import Topology, load_topology
from scripts.stack import search_path
from tests.nix.devcontainer_cli import (
    CONTAINER_FOLDER,
    DEBIAN,
    NIX,
    ROOT,
    Config,
    bring,
    read,
    vscode,
    written,
)

FILES = (NIX, DEBIAN)
SCHEMA = json.loads((ROOT / "tests/nix/devcontainer.schema.json").read_text(encoding="utf-8"))
ALIKE = ("image", "remoteUser", "forwardPorts", "portsAttributes", "otherPortsAttributes")
ONLY_FOR_NIX = {"jnoortheen.nix-ide"}


def complaints(config: Config) -> list[str]:
    """What the published schema has against a file."""
    validator = jsonschema.Draft201909Validator(SCHEMA)
    return [error.message for error in validator.iter_errors(config)]


def disagreements(files: dict[str, Config], topology: Topology) -> list[str]:
    """One line for each difference, beginning with the file to edit."""
    # Who is meant to ask: the instances, the exporter and nginx's status are not among them.
    wanted = {
        topology.https_port: ("Gateway HTTPS", "https"),
        topology.http_port: ("Gateway HTTP, redirects to HTTPS", None),
        topology.prometheus_port: ("Prometheus", None),
        topology.grafana_port: ("Grafana", None),
    }
    found = []
    for file, config in files.items():
        if config["forwardPorts"] != list(wanted):
            ports = f"expected {list(wanted)}, found {config['forwardPorts']}"
            found.append(f"{file}: forwardPorts: {ports}")
        attributes = config["portsAttributes"]
        if set(attributes) != {str(port) for port in wanted}:
            ports = f"expected {list(wanted)}, found {', '.join(attributes)}"
            found.append(f"{file}: portsAttributes: {ports}")
        for port, (label, protocol) in wanted.items():
            given = attributes.get(str(port), {})
            for key, value in (("label", label), ("protocol", protocol)):
                if given.get(key) != value:
                    values = f"expected {value}, found {given.get(key)}"
                    found.append(f"{file}: portsAttributes {port}: {key}: {values}")
    found += [
        f"{NIX} and {DEBIAN}: {key}: differs, write the same in both"
        for key in ALIKE
        if files[NIX].get(key) != files[DEBIAN].get(key)
    ]
    nix, debian = (set(vscode(files[file])["extensions"]) for file in FILES)
    if nix - ONLY_FOR_NIX != debian:
        only = ", ".join(sorted((nix - ONLY_FOR_NIX) ^ debian))
        found.append(f"{NIX} and {DEBIAN}: extensions: {only} in one of them only")
    return found


@pytest.fixture
def files() -> dict[str, Config]:
    return {file: written(file) for file in FILES}


@pytest.fixture
def topology() -> Topology:
    return load_topology(ROOT, load_settings(ROOT, {}))


@pytest.mark.parametrize("file", FILES)
def test_a_file_passes_the_published_schema(files: dict[str, Config], file: str) -> None:
    jsonschema.Draft201909Validator.check_schema(SCHEMA)
    assert complaints(files[file]) == []


@pytest.mark.parametrize("file", FILES)
def test_a_misspelt_property_is_refused(files: dict[str, Config], file: str) -> None:
    files[file]["forwardPort"] = files[file].pop("forwardPorts")
    [complaint] = complaints(files[file])
    assert "'forwardPort' was unexpected" in complaint


def test_the_files_agree_with_each_other_and_with_what_runs(
    files: dict[str, Config], topology: Topology
) -> None:
    found = disagreements(files, topology)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("moved", ["https_port", "http_port", "prometheus_port", "grafana_port"])
def test_a_moved_port_names_both_files(
    files: dict[str, Config], topology: Topology, moved: str
) -> None:
    elsewhere: dict[str, Any] = {moved: 4711}
    found = disagreements(files, replace(topology, **elsewhere))
    for file in FILES:
        assert any(line.startswith(f"{file}: ") and "4711" in line for line in found)


def _other_label(config: Config) -> None:
    config["portsAttributes"]["3000"]["label"] = "Prometheus"


def _no_protocol(config: Config) -> None:
    del config["portsAttributes"]["8443"]["protocol"]


def _one_port_more(config: Config) -> None:
    config["forwardPorts"].append(8101)


def _one_attribute_more(config: Config) -> None:
    config["portsAttributes"]["8101"] = {"label": "v1-1"}


def _one_extension_less(config: Config) -> None:
    vscode(config)["extensions"].remove("redhat.vscode-yaml")


def _another_image(config: Config) -> None:
    config["image"] += "-slim"


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    "change",
    [
        _other_label,
        _no_protocol,
        _one_port_more,
        _one_attribute_more,
        _one_extension_less,
        _another_image,
    ],
)
def test_a_change_in_one_file_is_named(
    files: dict[str, Config], topology: Topology, file: str, change: Callable[[Config], None]
) -> None:
    before = disagreements(files, topology)
    changed = copy.deepcopy(files)
    change(changed[file])
    found = [line for line in disagreements(changed, topology) if line not in before]
    assert found
    assert all(line.partition(": ")[0] in (file, f"{NIX} and {DEBIAN}") for line in found)


@pytest.mark.parametrize(
    ("file", "interpreter"),
    [(NIX, ".direnv/python/bin/python"), (DEBIAN, ".venv/bin/python")],
)
def test_the_interpreter_is_the_one_that_the_prebuild_makes(
    files: dict[str, Config], file: str, interpreter: str
) -> None:
    settings = vscode(files[file])["settings"]
    assert settings["python.defaultInterpreterPath"] == f"{CONTAINER_FOLDER}/{interpreter}"
    made = shlex.split(files[file]["updateContentCommand"])
    assert interpreter.removesuffix("/bin/python") in made or interpreter in made


def test_a_terminal_of_the_debian_container_has_the_path_of_the_makefile(
    files: dict[str, Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SWITCHYARD_TOOLS", raising=False)
    monkeypatch.setenv("PATH", "${containerEnv:PATH}")
    assert files[DEBIAN]["remoteEnv"]["PATH"] == search_path(Path(CONTAINER_FOLDER))


def test_the_lock_of_the_cli_holds_hashes_and_no_address() -> None:
    lock = json.loads((ROOT / "tools/devcontainers/package-lock.json").read_text(encoding="utf-8"))
    packages = [entry for name, entry in lock["packages"].items() if name]
    assert packages
    assert all("integrity" in entry and "resolved" not in entry for entry in packages)


@pytest.fixture(scope="module")
def cli() -> Path:
    return bring()


@pytest.mark.parametrize(
    ("file", "terminal", "interpreter"),
    [(NIX, "nix develop", ".direnv/python/bin/python"), (DEBIAN, None, ".venv/bin/python")],
)
def test_the_cli_reads_what_is_written(
    files: dict[str, Config], cli: Path, file: str, terminal: str | None, interpreter: str
) -> None:
    printed = read(cli, file)
    parsed = printed["configuration"]
    assert parsed.pop("configFilePath")["fsPath"] == str(ROOT / file)
    folder = printed["workspace"]["workspaceFolder"]
    assert folder.startswith("/workspaces/")
    resolved = json.dumps(files[file]).replace(CONTAINER_FOLDER, folder)
    assert parsed == json.loads(resolved)
    assert parsed["forwardPorts"]
    settings = vscode(parsed)["settings"]
    assert settings.get("terminal.integrated.defaultProfile.linux") == terminal
    assert settings["python.defaultInterpreterPath"] == f"{folder}/{interpreter}"
