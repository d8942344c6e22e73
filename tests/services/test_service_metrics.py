import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import Message

from services.errors import CLIENT_CLOSED_REQUEST
from services.metrics import METHODS, OTHER_METHOD, UNMATCHED, ServiceMetrics
from services.scorer import Score
from tests.services.asgi_client import JSON, ask, predict
from tests.services.fake_model import CLASSES, DIGEST, EXPLODES, FakeScorer, served

MAX_SERIES = 300


@pytest.fixture
def app() -> FastAPI:
    return served("v1")


def samples(app: FastAPI) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every series of /metrics."""
    text = ask(app, "GET", "/metrics").text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(app: FastAPI, name: str, **labels: str) -> float | None:
    return samples(app).get((name, frozenset(labels.items())))


def requests_total(app: FastAPI, method: str, handler: str, status: int) -> float | None:
    return value(app, "http_requests_total", method=method, handler=handler, status=str(status))


def test_answers_are_counted_by_handler_status_and_class(app: FastAPI) -> None:
    for sentence in ("good", "great", "bad", "table"):
        predict(app, sentence)
    assert requests_total(app, "POST", "/predict", 200) == 4
    assert value(app, "http_request_duration_seconds_count", handler="/predict") == 4
    assert [value(app, "model_predictions_total", label=label) for label in CLASSES] == [1, 1, 2]


def test_every_class_has_a_series_before_the_first_request(app: FastAPI) -> None:
    assert [value(app, "model_predictions_total", label=label) for label in CLASSES] == [0, 0, 0]


def test_the_model_is_named(app: FastAPI) -> None:
    assert value(app, "model_info", version="v1", instance="v1-1", model=DIGEST) == 1


@pytest.mark.parametrize(
    ("request_", "method", "handler", "status"),
    [
        ({"method": "GET", "path": "/healthz"}, "GET", "/healthz", 200),
        ({"method": "GET", "path": "/openapi.json"}, "GET", "/openapi.json", 200),
        ({"method": "GET", "path": "/docs"}, "GET", "/docs", 200),
        ({"method": "GET", "path": "/predict"}, "GET", "/predict", 405),
        ({"method": "POST", "path": "/predict", "headers": JSON}, "POST", "/predict", 400),
        ({"method": "POST", "path": "/predict", "json": {}}, "POST", "/predict", 422),
        ({"method": "POST", "path": "/predict"}, "POST", "/predict", 415),
        (
            {"method": "POST", "path": "/predict", "json": {"sentence": EXPLODES}},
            "POST",
            "/predict",
            500,
        ),
        ({"method": "GET", "path": "/wp-login.php"}, "GET", UNMATCHED, 404),
        ({"method": "BREW", "path": "/predict"}, OTHER_METHOD, "/predict", 405),
    ],
)
def test_every_outcome_is_counted_once(
    app: FastAPI, request_: Mapping[str, Any], method: str, handler: str, status: int
) -> None:
    response = ask(app, **request_)
    assert response.status_code == status
    counted = {
        labels: count
        for (name, labels), count in samples(app).items()
        if name == "http_requests_total"
    }
    expected = {"method": method, "handler": handler, "status": str(status)}
    assert counted == {frozenset(expected.items()): 1}


def test_scrapes_are_counted_too(app: FastAPI) -> None:
    ask(app, "GET", "/metrics")
    assert requests_total(app, "GET", "/metrics", 200) == 1


def test_the_exposition_says_its_format(app: FastAPI) -> None:
    response = ask(app, "GET", "/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"] == CONTENT_TYPE_LATEST


def test_two_applications_in_one_process_count_apart(app: FastAPI) -> None:
    other = served("v1")
    predict(other, "good")
    assert requests_total(app, "POST", "/predict", 200) is None
    assert requests_total(other, "POST", "/predict", 200) == 1


def test_the_resources_of_the_process_are_exposed(app: FastAPI) -> None:
    cpu = value(app, "process_cpu_seconds_total")
    assert cpu is not None
    assert cpu > 0


def test_a_request_in_progress_shows_until_it_is_answered() -> None:
    class Observant(FakeScorer):
        """Reads the metrics while it scores."""

        app: FastAPI
        seen: float | None = None

        def score(self, text: str) -> Score:
            self.seen = metrics_of(self.app).in_progress
            return super().score(text)

    scorer = Observant()
    app = scorer.app = served("v1", scorer)
    predict(app, "good")
    predict(app, EXPLODES)
    assert scorer.seen == 1
    assert metrics_of(app).in_progress == 0
    assert value(app, "http_requests_in_progress") == 1, "the scrape itself"


def metrics_of(app: FastAPI) -> ServiceMetrics:
    middleware = app.user_middleware[0]
    metrics = middleware.kwargs["metrics"]
    assert isinstance(metrics, ServiceMetrics)
    return metrics


def test_a_client_that_leaves_is_not_an_error_of_the_service(app: FastAPI) -> None:
    messages: list[Message] = [
        {"type": "http.request", "body": b'{"sen', "more_body": True},
        {"type": "http.disconnect"},
    ]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/predict",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        pass

    asyncio.run(app(scope, receive, send))
    assert requests_total(app, "POST", "/predict", CLIENT_CLOSED_REQUEST) == 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*sorted(METHODS), "BREW", "PROPFIND", ""]),
            st.sampled_from(["/predict", "/healthz", "/metrics", UNMATCHED]),
            st.sampled_from([200, 404, 500]),
            st.floats(0, 10),
        ),
        max_size=40,
    )
)
def test_the_counts_add_up(requests: list[tuple[str, str, int, float]]) -> None:
    metrics = ServiceMetrics(
        version="v1", instance="v1-1", model=DIGEST, classes=CLASSES, training={}
    )
    for request in requests:
        metrics.record(*request)
    counted = {"http_requests_total": 0.0, "http_request_duration_seconds_count": 0.0}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            if sample.name in counted:
                counted[sample.name] += sample.value
    assert set(counted.values()) == {float(len(requests))}


@given(st.lists(st.text(st.characters(codec="ascii", categories=("L", "N")), max_size=20)))
def test_a_scan_for_paths_creates_no_series(names: list[str]) -> None:
    app = served("v1")
    for name in names:
        ask(app, "GET", f"/x{name}")
    handlers = {
        dict(labels)["handler"] for (name, labels) in samples(app) if name == "http_requests_total"
    }
    assert handlers == ({UNMATCHED} if names else set())


def test_the_number_of_series_is_bounded(app: FastAPI) -> None:
    for path in ("/predict", "/healthz", "/metrics", "/openapi.json", "/docs", "/nowhere"):
        for method in (*METHODS, "BREW"):
            ask(app, method, path)
    assert len(samples(app)) < MAX_SERIES
