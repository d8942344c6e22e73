"""Folding: what each line adds to which metric, and what a client can never do to a label."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from gateway.accesslog import Access, parse
from gateway.gateway_metrics import BUCKETS_MS, METHODS, RequestCounts
from tests.gateway.access_lines import NOT_PROXIED, line

INSTANCES = {"127.0.0.1:8101": "v1-1", "127.0.0.1:8102": "v1-2", "127.0.0.1:8201": "v2-1"}
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(counts: RequestCounts) -> Samples:
    """Every non-zero sample by name and labels, as Prometheus would read them."""

    class Once(Collector):
        def collect(self) -> list[Metric]:
            return list(counts.families())

    registry = CollectorRegistry()
    registry.register(Once())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
        if sample.value
    }


def value(found: Samples, name: str, **labels: str) -> float:
    return found.get((name, tuple(sorted(labels.items()))), 0)


def total(found: Samples, name: str) -> float:
    return sum(count for (sample, _), count in found.items() if sample == name)


def folded(*lines: bytes) -> Samples:
    counts = RequestCounts(INSTANCES)
    counts.fold(map(parse, lines))
    return samples(counts)


def test_a_request_that_was_answered() -> None:
    found = folded(line())
    labels = {"upstream": "v1-1", "cohort": "v1", "method": "POST", "status": "200"}
    assert value(found, "gateway_requests_total", **labels) == 1
    assert value(found, "gateway_upstream_attempts_total", upstream="v1-1", status="200") == 1
    assert value(found, "gateway_request_duration_seconds_sum", upstream="v1-1") == 0.003
    assert value(found, "gateway_upstream_duration_seconds_sum", upstream="v1-1") == 0.002
    assert total(found, "gateway_retries_total") == 0
    assert total(found, "gateway_rejected_total") == 0


def test_a_request_that_was_retried() -> None:
    found = folded(
        line(
            upstream_addr="127.0.0.1:8101, 127.0.0.1:8102",
            upstream_status="-, 200",
            upstream_response_time="-, 0.004",
        )
    )
    assert total(found, "gateway_requests_total") == 1
    labels = {"upstream": "v1-2", "cohort": "v1", "method": "POST", "status": "200"}
    assert value(found, "gateway_requests_total", **labels) == 1
    assert value(found, "gateway_upstream_attempts_total", upstream="v1-1", status="none") == 1
    assert value(found, "gateway_upstream_attempts_total", upstream="v1-2", status="200") == 1
    assert value(found, "gateway_retries_total", upstream="v1-1") == 1
    assert total(found, "gateway_retries_total") == 1
    assert value(found, "gateway_upstream_duration_seconds_sum", upstream="v1-2") == 0.004
    assert total(found, "gateway_upstream_duration_seconds_count") == 1


def test_an_internal_redirect_counts_as_no_retry() -> None:
    found = folded(
        line(
            upstream_addr="127.0.0.1:8201 : 127.0.0.1:8101",
            upstream_status="502 : 200",
            upstream_response_time="0.001 : 0.002",
        )
    )
    assert total(found, "gateway_upstream_attempts_total") == 2
    assert total(found, "gateway_retries_total") == 0


def test_no_server_available() -> None:
    found = folded(line(status="502", upstream_addr="api_v2", upstream_status="502", instance=""))
    assert value(found, "gateway_upstream_attempts_total", upstream="api_v2", status="502") == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "429", "limit_req_status": "REJECTED"}, "rate_limit"),
        ({"status": "401", "limit_req_status": "PASSED"}, "unauthorized"),
        ({"status": "429", "limit_req_status": "REJECTED_DRY_RUN"}, None),
        ({"status": "404"}, None),
    ],
)
def test_what_nginx_refused(changes: dict[str, str], reason: str | None) -> None:
    found = folded(line(**{**NOT_PROXIED, **changes}))
    assert total(found, "gateway_rejected_total") == (reason is not None)
    if reason is not None:
        assert value(found, "gateway_rejected_total", reason=reason) == 1
    labels = {"upstream": "none", "cohort": "none", "method": "POST", "status": changes["status"]}
    assert value(found, "gateway_requests_total", **labels) == 1
    assert total(found, "gateway_upstream_attempts_total") == 0


def test_a_401_of_the_model_is_not_ours() -> None:
    found = folded(line(status="401", upstream_status="401"))
    assert total(found, "gateway_rejected_total") == 0


def test_bad_lines_are_counted_and_nothing_else() -> None:
    counts = RequestCounts(INSTANCES)
    counts.fold([], bad_lines=3)
    assert samples(counts) == {("gateway_log_lines_bad_total", ()): 3}
    assert counts.lines == 3


def test_both_reasons_are_there_from_the_start() -> None:
    """A rate() over a series that begins with its first rejection would miss that one."""
    rejected = next(
        family
        for family in RequestCounts(INSTANCES).families()
        if family.name == "gateway_rejected"
    )
    assert {sample.labels["reason"]: sample.value for sample in rejected.samples} == {
        "rate_limit": 0,
        "unauthorized": 0,
    }


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [("0.000", "0.001"), ("0.001", "0.001"), ("0.002", "0.002"), ("0.003", "0.005"),
     ("10.000", "10.0"), ("10.001", "+Inf")],
)  # fmt: skip
def test_a_bound_belongs_to_its_bucket(seconds: str, bucket: str) -> None:
    found = folded(line(request_time=seconds))
    name = "gateway_request_duration_seconds_bucket"
    bounds = [*(str(bound / 1000) for bound in BUCKETS_MS), "+Inf"]
    counted = [bound for bound in bounds if value(found, name, upstream="v1-1", le=bound)]
    assert counted == bounds[bounds.index(bucket) :]


@given(
    st.lists(
        st.builds(
            lambda **changes: parse(line(**changes)),
            method=st.text(max_size=5) | st.sampled_from(["GET", "POST"]),
            cohort=st.text(max_size=5)
            | st.sampled_from(["v1", "v3", "debug", "control", "v100", "v0", "V3", "v3\n"]),
            uri=st.text(max_size=5),
            upstream_addr=st.text(max_size=5) | st.sampled_from(list(INSTANCES)),
        ),
        max_size=300,
    )
)
def test_clients_cannot_make_up_series(accesses: list[Access]) -> None:
    counts = RequestCounts(INSTANCES)
    counts.fold(accesses)
    found = samples(counts)
    assert total(found, "gateway_requests_total") == len(accesses)
    assert {method for _, _, method, _ in counts.requests} <= METHODS | {"other"}
    assert {cohort for _, cohort, _, _ in counts.requests} <= {
        *(f"v{number}" for number in range(1, 100)), "debug", "control", "none", "other",
    }  # fmt: skip


def test_the_number_of_upstreams_is_bounded() -> None:
    counts = RequestCounts(INSTANCES)
    counts.fold(parse(line(upstream_addr=f"10.0.0.1:{port}")) for port in range(1000))
    assert len(counts.attempts) <= 101
    assert sum(counts.attempts.values()) == 1000


@given(st.lists(st.sampled_from([
    line(),
    line(**{**NOT_PROXIED, "status": "401"}),
    line(**{**NOT_PROXIED, "status": "429", "limit_req_status": "REJECTED"}),
    line(upstream_addr="127.0.0.1:8102, 127.0.0.1:8101", upstream_status="502, 200",
         upstream_response_time="0.5, 20.0", request_time="20.501"),
]), max_size=50), st.integers(0, 50), st.integers(0, 5))  # fmt: skip
def test_stored_and_restored_in_the_middle_is_the_same(
    lines: list[bytes], cut: int, bad_lines: int
) -> None:
    at_once = RequestCounts(INSTANCES)
    at_once.fold(map(parse, lines), bad_lines)
    first = RequestCounts(INSTANCES)
    first.fold(map(parse, lines[:cut]), bad_lines)
    second = RequestCounts.from_json(json.loads(json.dumps(first.to_json())), INSTANCES)
    second.fold(map(parse, lines[cut:]))
    assert samples(second) == samples(at_once)
    assert second.lines == at_once.lines == len(lines) + bad_lines
    assert Counter(second.requests) == Counter(at_once.requests)


@pytest.mark.parametrize(
    "changes",
    [
        {"buckets_ms": [1, 2, 3]},
        {"requests": None},
        {"requests": [["v1-1", "v1", "POST", 1]]},
        {"attempts": [["v1-1", "200", -1]]},
        {"retries": [["v1-1", True]]},
        {"bad_lines": "1"},
        {"request_durations": [["v1-1", [1, 2], 3]]},
        {"upstream_durations": [["v1-1", None, 3]]},
    ],
)
def test_counts_that_are_none_are_refused(changes: dict[str, object]) -> None:
    good = RequestCounts(INSTANCES).to_json()
    RequestCounts.from_json(good, INSTANCES)
    with pytest.raises(ValueError, match=r".+"):
        RequestCounts.from_json({**good, **changes}, INSTANCES)


def test_what_is_no_object_is_refused() -> None:
    with pytest.raises(ValueError, match="not a JSON object"):
        RequestCounts.from_json([], INSTANCES)
