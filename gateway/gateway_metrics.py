"""What the access log adds up to: plain integers, as JSON and as Prometheus metrics.

Own counters, not those of prometheus_client, because they have to be stored and restored
together with the position in the log. No I/O here.

Labels are only what nginx and this repository decide (instance, cohort, status) or what has
few values (method): never a path, a user or an id, which a client could make up without end.
"""

import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from gateway.accesslog import Access
from gateway.cohort import is_cohort

NONE = "none"
"""Label where there is no value: no upstream was asked, no answer came, no cohort applies."""
OTHER = "other"
"""Label for every value that is not one of the expected ones."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
BUCKETS_MS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000)
"""Upper bounds of the histograms in milliseconds, the resolution of nginx. 25 is the objective of
monitoring/rules/slo.yml, which can only count what is above or below one of these."""

_STATUSES: dict[int | None, str] = {None: NONE} | {code: f"{code:03d}" for code in range(1000)}
_MAX_UPSTREAMS = 100
_ADDRESS = re.compile(r"[A-Za-z0-9_.:\[\]/-]{1,64}")


class _Durations:
    """A histogram of milliseconds; the last bucket is everything above the last bound."""

    __slots__ = ("buckets", "sum_ms")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS_MS) + 1)
        self.sum_ms = 0

    def add(self, seconds: float) -> None:
        milliseconds = round(seconds * 1000)
        self.buckets[bisect_left(BUCKETS_MS, milliseconds)] += 1
        self.sum_ms += milliseconds


class RequestCounts:
    """Totals over every request that was folded in."""

    def __init__(self, instances: Mapping[str, str]) -> None:
        """`instances` names the instance at each address ("127.0.0.1:8101": "v1-1")."""
        self._labels = dict(instances)
        self.requests: Counter[tuple[str, str, str, str]] = Counter()
        """By upstream, cohort, method and status."""
        self.attempts: Counter[tuple[str, str]] = Counter()
        """By upstream and status, each server that was asked."""
        self.retries: Counter[str] = Counter()
        """By the upstream that failed."""
        self.rejected: Counter[str] = Counter({"rate_limit": 0, "unauthorized": 0})
        """By reason, requests that never reached an upstream."""
        self.bad_lines = 0
        self._request_durations: defaultdict[str, _Durations] = defaultdict(_Durations)
        self._upstream_durations: defaultdict[str, _Durations] = defaultdict(_Durations)

    @property
    def lines(self) -> int:
        """Lines folded in, good and bad."""
        return self.requests.total() + self.bad_lines

    def fold(self, accesses: Iterable[Access], bad_lines: int = 0) -> None:
        """Add requests, and lines that were none."""
        self.bad_lines += bad_lines
        for access in accesses:
            attempts = access.upstream_attempts
            upstream = NONE
            for attempt in attempts:
                upstream = upstream_label(self._labels, attempt.address)
                self.attempts[upstream, _STATUSES[attempt.status]] += 1
                if attempt.retried:
                    self.retries[upstream] += 1
            cohort = access.cohort
            method = access.method
            self.requests[
                upstream,
                cohort if is_cohort(cohort) else OTHER if cohort else NONE,
                method if method in METHODS else OTHER,
                _STATUSES[access.status],
            ] += 1
            self._request_durations[upstream].add(access.request_time)
            if attempts:
                answered = attempts[-1].time
                if answered is not None:
                    self._upstream_durations[upstream].add(answered)
            elif access.limit_req_status == "REJECTED":
                self.rejected["rate_limit"] += 1
            elif access.status == 401:
                self.rejected["unauthorized"] += 1

    def families(self) -> Iterator[Metric]:
        """The metrics, as prometheus_client writes them."""
        yield _counter(
            "gateway_requests_total",
            "Requests in the access log, by the instance that answered last.",
            ("upstream", "cohort", "method", "status"),
            self.requests.items(),
        )
        yield _histogram(
            "gateway_request_duration_seconds",
            "From the first byte of the request to the last byte of the response.",
            self._request_durations,
        )
        yield _histogram(
            "gateway_upstream_duration_seconds",
            "What the instance that answered last took of it.",
            self._upstream_durations,
        )
        yield _counter(
            "gateway_upstream_attempts_total",
            "Instances asked, also those that failed, by the status that they gave.",
            ("upstream", "status"),
            self.attempts.items(),
        )
        yield _counter(
            "gateway_retries_total",
            "Requests passed on to another instance because this one failed.",
            ("upstream",),
            [((upstream,), count) for upstream, count in self.retries.items()],
        )
        yield _counter(
            "gateway_rejected_total",
            "Requests that nginx refused without asking an instance.",
            ("reason",),
            [((reason,), count) for reason, count in self.rejected.items()],
        )
        yield _counter(
            "gateway_log_lines_bad_total",
            "Lines of the access log that could not be read; they are in no other metric.",
            (),
            [((), self.bad_lines)],
        )

    def to_json(self) -> dict[str, object]:
        """Everything, as an object that `json.dumps` can write."""
        return {
            "buckets_ms": list(BUCKETS_MS),
            "requests": [[*labels, count] for labels, count in self.requests.items()],
            "attempts": [[*labels, count] for labels, count in self.attempts.items()],
            "retries": [[label, count] for label, count in self.retries.items()],
            "rejected": [[label, count] for label, count in self.rejected.items()],
            "bad_lines": self.bad_lines,
            "request_durations": _durations_to_json(self._request_durations),
            "upstream_durations": _durations_to_json(self._upstream_durations),
        }

    @classmethod
    def from_json(cls, value: object, instances: Mapping[str, str]) -> "RequestCounts":
        """The opposite of `to_json`. Raises ValueError for anything else."""
        if not isinstance(value, dict):
            raise ValueError("the counts are not a JSON object")
        if value.get("buckets_ms") != list(BUCKETS_MS):
            raise ValueError("the histograms have other buckets")
        counts = cls(instances)
        for upstream, cohort, method, status, count in _rows(value, "requests", 5):
            counts.requests[str(upstream), str(cohort), str(method), str(status)] = _int(count)
        for upstream, status, count in _rows(value, "attempts", 3):
            counts.attempts[str(upstream), str(status)] = _int(count)
        for upstream, count in _rows(value, "retries", 2):
            counts.retries[str(upstream)] = _int(count)
        for reason, count in _rows(value, "rejected", 2):
            counts.rejected[str(reason)] = _int(count)
        counts.bad_lines = _int(value.get("bad_lines"))
        _durations_from_json(counts._request_durations, value, "request_durations")
        _durations_from_json(counts._upstream_durations, value, "upstream_durations")
        return counts


def upstream_label(labels: dict[str, str], address: str) -> str:
    """Label for an address in a log: the instance's name where `labels` has it.

    Else what nginx calls it, for example api_v1, which is added to `labels`; OTHER for what is
    no address, and once there are 100.
    """
    known = labels.get(address)
    if known is not None:
        return known
    if _ADDRESS.fullmatch(address) is None or len(labels) >= _MAX_UPSTREAMS:
        return OTHER
    labels[address] = address
    return address


def _counter(
    name: str, text: str, labels: tuple[str, ...], counts: Iterable[tuple[tuple[str, ...], int]]
) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, count in counts:
        family.add_metric(values, count)
    return family


def _histogram(name: str, text: str, of: dict[str, _Durations]) -> Metric:
    family = HistogramMetricFamily(name, text, labels=("upstream",))
    bounds = [*(str(bound / 1000) for bound in BUCKETS_MS), "+Inf"]
    for upstream, durations in of.items():
        below = 0
        buckets: list[tuple[str, float]] = []
        for bound, count in zip(bounds, durations.buckets, strict=True):
            below += count
            buckets.append((bound, below))
        family.add_metric((upstream,), buckets, durations.sum_ms / 1000)
    return family


def _durations_to_json(of: dict[str, _Durations]) -> list[object]:
    return [[name, durations.buckets, durations.sum_ms] for name, durations in of.items()]


def _durations_from_json(of: dict[str, _Durations], value: Mapping[str, object], key: str) -> None:
    for name, buckets, sum_ms in _rows(value, key, 3):
        durations = of[str(name)] = _Durations()
        if not isinstance(buckets, list) or len(buckets) != len(durations.buckets):
            raise ValueError(f"{key} has a wrong number of buckets")
        durations.buckets = [_int(count) for count in buckets]
        durations.sum_ms = _int(sum_ms)


def _rows(value: Mapping[str, object], key: str, columns: int) -> list[list[object]]:
    rows = value.get(key)
    if not isinstance(rows, list):
        raise ValueError(f"{key} is not a list")
    for row in rows:
        if not isinstance(row, list) or len(row) != columns:
            raise ValueError(f"a row of {key} does not have {columns} columns")
    return rows


def _int(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a count is not a natural number")
    return value
