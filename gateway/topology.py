"""What runs where, read from the literal files: the one picture that every command shares.

process-compose.yaml declares the instances; the files of nginx and Prometheus repeat
their ports. gateway.agreement says whether they repeat them correctly.
"""

from dataclasses import dataclass
from pathlib import Path

from gateway.errors import TopologyError
from gateway.nginx_files import read_nginx, status_listen
from gateway.processes import read_processes
from gateway.settings import Settings
from gateway.versions import version_served

__all__ = ["HOST", "Instance", "Topology", "TopologyError", "load_topology"]

HOST = "127.0.0.1"
"""Where every process but the gateway itself listens, always."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One process that serves one version of the model."""

    name: str
    """As in X-Instance and as the process is called, for example v1-2."""
    version: str
    port: int

    @property
    def address(self) -> str:
        """host:port, as nginx logs it in $upstream_addr."""
        return f"{HOST}:{self.port}"


@dataclass(frozen=True, slots=True)
class Topology:
    """The instances in the order of process-compose.yaml, and every other port."""

    instances: tuple[Instance, ...]
    https_port: int
    http_port: int
    status_port: int
    exporter_port: int
    prometheus_port: int
    grafana_port: int

    def instance_at(self, address: str) -> Instance | None:
        """The instance that listens at "127.0.0.1:8101", None for any other address."""
        return next((found for found in self.instances if found.address == address), None)

    def version_of(self, name: str) -> str | None:
        """As `version_served` says."""
        return version_served(name, self.served)

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions in the order in which they are declared, each once."""
        return tuple(dict.fromkeys(self.served.values()))

    @property
    def served(self) -> dict[str, str]:
        """The version that each instance serves, by its name, as they are declared."""
        return {instance.name: instance.version for instance in self.instances}


def load_topology(root: Path, settings: Settings) -> Topology:
    """Read the files below `root`. Raises TopologyError naming file and line."""
    declared = read_processes(root)
    status_port, _ = status_listen(read_nginx(root))
    return Topology(
        instances=tuple(
            Instance(found.name, found.version, found.port.number) for found in declared.instances
        ),
        https_port=settings.https_port,
        http_port=settings.http_port,
        status_port=status_port,
        exporter_port=declared.port_of("exporter").number,
        prometheus_port=declared.port_of("prometheus").number,
        grafana_port=declared.port_of("grafana").number,
    )
