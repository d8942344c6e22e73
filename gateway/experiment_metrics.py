"""What is being tried, as metrics: read from the state at each scrape."""

from collections.abc import Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from gateway.canary import Experiment


def experiment_families(experiment: Experiment, instances: Iterable[str]) -> Iterator[Metric]:
    """Weight, share of the shadow, and for each instance whether it is drained."""
    yield GaugeMetricFamily(
        "gateway_canary_weight_ratio",
        "Share of the users that the second version answers.",
        experiment.weight / 100,
    )
    yield GaugeMetricFamily(
        "gateway_shadow_ratio",
        "Share of the requests to the first version that are copied to the second.",
        experiment.shadow / 100,
    )
    drained = GaugeMetricFamily(
        "gateway_drained", "1 for the instance that gets no new requests.", labels=("upstream",)
    )
    for name in instances:
        drained.add_metric((name,), name == experiment.drained)
    yield drained
