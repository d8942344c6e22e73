"""What monitoring/prometheus.yml scrapes, target by target, with the line."""

from dataclasses import dataclass
from pathlib import Path

from gateway.errors import Place, TopologyError
from gateway.yaml_source import read_yaml

FILE = "monitoring/prometheus.yml"


@dataclass(frozen=True, slots=True)
class Target:
    """One address that Prometheus reads, and the names it files it under."""

    job: str
    address: str
    place: Place
    labels: dict[str, str]
    label_places: dict[str, Place]

    def place_of(self, label: str) -> Place:
        """The line of a label, of the target where it has no such label."""
        return self.label_places.get(label, self.place)


def read_targets(root: Path) -> tuple[Target, ...]:
    """The static targets of every job. Raises TopologyError."""
    targets: list[Target] = []
    for job in read_yaml(root, FILE, TopologyError).require("scrape_configs").items():
        name = job.require("job_name").text()
        groups = job.get("static_configs")
        for group in groups.items() if groups is not None else ():
            labels = group.get("labels")
            names = labels.entries() if labels is not None else {}
            texts = {key: value.text() for key, value in names.items()}
            places = {key: value.place for key, value in names.items()}
            targets.extend(
                Target(name, address.text(), address.place, texts, places)
                for address in group.require("targets").items()
            )
    return tuple(targets)
