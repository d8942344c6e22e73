"""What the log of the shadow adds up to, as JSON and as Prometheus metrics. No I/O here."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric

from gateway.gateway_metrics import NONE, upstream_label
from gateway.shadow_log import Shadow


class ShadowCounts:
    """Totals over every copy that was folded in."""

    def __init__(self, instances: Mapping[str, str]) -> None:
        """`instances` names the instance at each address ("127.0.0.1:8201": "v2-1")."""
        self._labels = dict(instances)
        self.copies: Counter[tuple[str, str]] = Counter()
        """By upstream and status."""
        self.bad_lines = 0

    @property
    def lines(self) -> int:
        """Lines folded in, good and bad."""
        return self.copies.total() + self.bad_lines

    def fold(self, lines: Iterable[Shadow], bad_lines: int = 0) -> None:
        """Add copies, and lines that were none."""
        self.bad_lines += bad_lines
        for shadow in lines:
            # An address that nginx asked, the last of several, or the name of an upstream of
            # which all are drained or down.
            asked = shadow.upstream.rpartition(", ")[2]
            upstream = upstream_label(self._labels, asked) if asked else NONE
            self.copies[upstream, f"{shadow.status:03d}"] += 1

    def families(self) -> Iterator[Metric]:
        """The metrics, as prometheus_client writes them."""
        copies = CounterMetricFamily(
            "gateway_shadow_requests_total",
            "Copies of requests that were delivered, by the status that they got.",
            labels=("upstream", "status"),
        )
        for labels, count in self.copies.items():
            copies.add_metric(labels, count)
        yield copies
        yield CounterMetricFamily(
            "gateway_shadow_log_lines_bad_total",
            "Lines of the log of the shadow that could not be read; they are in no other metric.",
            self.bad_lines,
        )

    def to_json(self) -> dict[str, object]:
        """Everything, as an object that `json.dumps` can write."""
        copies = [[*labels, count] for labels, count in self.copies.items()]
        return {"copies": copies, "bad_lines": self.bad_lines}

    @classmethod
    def from_json(cls, value: object, instances: Mapping[str, str]) -> "ShadowCounts":
        """The opposite of `to_json`. Raises ValueError for anything else."""
        if not isinstance(value, dict) or not isinstance(value.get("copies"), list):
            raise ValueError("the counts are not those of a shadow")
        counts = cls(instances)
        for row in value["copies"]:
            if not isinstance(row, list) or len(row) != 3:
                raise ValueError("a row of copies does not have 3 columns")
            counts.copies[str(row[0]), str(row[1])] = _natural(row[2])
        counts.bad_lines = _natural(value.get("bad_lines"))
        return counts


def _natural(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a count is not a natural number")
    return value
