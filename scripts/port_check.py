"""Which ports the workspace needs, which of them are taken, and how to move each one."""

from __future__ import annotations

import errno
import re
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.fragments import has_ipv6_loopback, listen_hosts
from gateway.settings import Settings
from gateway.topology import HOST, Topology
from scripts.port_holder import holder

_GRAFANA = ("grafana", "grafana-server")
_LITERALS = (
    "process-compose*.yaml",
    "nginx/**/*.conf",
    "services/on_ray/*.conf",
    "services/on_ray/*.py",
    "monitoring/**/*.yml",
    "monitoring/**/*.yaml",
    "monitoring/**/*.ini",
)


@dataclass(frozen=True, slots=True)
class Need:
    """A port that one process of the workspace listens on."""

    port: int
    purpose: str
    hosts: tuple[str, ...]
    setting: str | None = None
    """The setting that moves it; None where it is a literal of the files."""


def needs(settings: Settings, topology: Topology, path: str) -> tuple[Need, ...]:
    """Every port of the workspace; Grafana's where a binary of it is on `path`."""
    hosts = tuple(host.strip("[]") for host in listen_hosts(settings, has_ipv6_loopback()))
    found = [
        Need(topology.https_port, "gateway HTTPS", hosts, "GATEWAY_HTTPS_PORT"),
        Need(topology.http_port, "gateway HTTP", hosts, "GATEWAY_HTTP_PORT"),
        Need(topology.status_port, "nginx status", (HOST,)),
        *(Need(instance.port, instance.name, (HOST,)) for instance in topology.instances),
        Need(topology.exporter_port, "exporter", (HOST,)),
        Need(topology.prometheus_port, "Prometheus", (HOST,)),
    ]
    if any(shutil.which(name, path=path) for name in _GRAFANA):
        found.append(Need(topology.grafana_port, "Grafana", (HOST,)))
    return tuple(found)


def is_taken(port: int, host: str) -> bool:
    """Whether nothing could listen on `port` of `host` now, because something else does.

    Tried by binding: connecting would miss a port that is bound without listening, and one
    that is taken on another address that includes this one (0.0.0.0, [::]).
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As every server does: connections that are ending do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            # No right to the port, or no such address: gateway.prepare says so with the remedy.
            return error.errno == errno.EADDRINUSE
    return False


def refusals(root: Path, wanted: tuple[Need, ...], environ: Mapping[str, str]) -> list[str]:
    """One sentence for each port of `wanted` that is taken: by whom, and how to move it."""
    return [
        f"port {need.port} ({need.purpose}) is taken by {holder(need.port)}: "
        f"stop that, or {remedy(root, need, environ)}"
        for need in wanted
        if any(is_taken(need.port, host) for host in need.hosts)
    ]


def remedy(root: Path, need: Need, environ: Mapping[str, str]) -> str:
    """How to give the process of `need` another port, as the end of a sentence."""
    if need.setting is None:
        return f"write another number for {need.port} in {', '.join(literals(root, need.port))}"
    if environ.get(need.setting):
        return f"give the environment variable {need.setting} another number"
    places = _lines(root, ".env", re.compile(rf"\s*(?:export\s+)?{need.setting}\s*="))
    return f"give {need.setting} another number in {', '.join(places) or '.env'}"


def literals(root: Path, port: int) -> list[str]:
    """Each `file:line` of the literal files where the number of `port` stands, but for comments."""
    number = re.compile(rf"[^#]*(?<![\d.]){port}(?![\d.])")
    files = [path for pattern in _LITERALS for path in sorted(root.glob(pattern))]
    return [
        place for path in files for place in _lines(root, path.relative_to(root).as_posix(), number)
    ]


def _lines(root: Path, file: str, pattern: re.Pattern[str]) -> list[str]:
    try:
        text = (root / file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    return [
        f"{file}:{number}"
        for number, line in enumerate(text.split("\n"), start=1)
        if pattern.match(line)
    ]
