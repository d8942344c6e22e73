"""What the exporter says of itself and of the workspace, beside what it counts."""

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from gateway.topology import Instance


def upstream_families(instances: Iterable[Instance]) -> Iterator[Metric]:
    """gateway_upstream_info: the version of each instance, to join by `upstream`."""
    family = GaugeMetricFamily(
        "gateway_upstream_info",
        "Always 1; the version that an instance serves.",
        labels=("upstream", "version"),
    )
    for instance in instances:
        family.add_metric((instance.name, instance.version), 1)
    yield family


def exporter_families(unread: Mapping[str, int], problems: Mapping[str, str]) -> Iterator[Metric]:
    """How far each log is behind (bytes by name), and what does not work ("" where all is well)."""
    behind = GaugeMetricFamily(
        "gateway_log_unread_bytes",
        "What nginx has written and nobody has counted yet.",
        labels=("log",),
    )
    for name, count in unread.items():
        behind.add_metric((name,), count)
    yield behind
    family = GaugeMetricFamily(
        "gateway_exporter_problem",
        "1 for what the exporter cannot read or write; var/logs/exporter.log says why.",
        labels=("what",),
    )
    for what, problem in problems.items():
        family.add_metric((what,), bool(problem))
    yield family
