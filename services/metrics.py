"""What the service measures: the only place where its metric names are spelled.

Every application has its own registry, so two of them in one process do not mix.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Set
from typing import NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Seconds. A prediction takes 0.1 ms to 10 ms, a queue behind others up to 1 s.
DURATION_BUCKETS = (
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
OTHER_METHOD = "other"
UNMATCHED = "unmatched"
"""Handler of requests for a path that does not exist. A raw path is never a label: a scan
for random paths would create a series for each."""


class _Children(NamedTuple):
    """The bound methods to call after a request: looking a child up costs more than using it."""

    increment: Callable[[], None]
    observe: Callable[[float], None]


class ServiceMetrics:
    """The metrics of one application."""

    def __init__(
        self,
        *,
        version: str,
        instance: str,
        model: str,
        classes: Iterable[str],
        training: Mapping[str, int],
    ) -> None:
        """`classes` are the labels that the model can answer; each has a series from the start.

        `training`: how many texts of each class it was trained on, empty if nobody knows.
        """
        self.registry = CollectorRegistry()
        self.in_progress = 0
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._requests = Counter(
            "http_requests",
            "Requests answered, or failed with an exception (status 500)",
            ("method", "handler", "status"),
            registry=self.registry,
        )
        self._duration = Histogram(
            "http_request_duration_seconds",
            "Time from the request's headers to the end of the answer",
            ("handler",),
            buckets=DURATION_BUCKETS,
            registry=self.registry,
        )
        Gauge(
            "http_requests_in_progress", "Requests being answered now", registry=self.registry
        ).set_function(lambda: self.in_progress)
        predictions = Counter(
            "model_predictions", "Answers by predicted class", ("label",), registry=self.registry
        )
        self._count_label = {label: predictions.labels(label).inc for label in classes}
        self._count_tokens = Counter(
            "model_tokens", "Tokens in the texts that were answered", registry=self.registry
        ).inc
        self._count_known = Counter(
            "model_known_tokens", "Those of them that the model knows", registry=self.registry
        ).inc
        shares = Gauge(
            "model_training_ratio",
            "Share of a class in what the model was trained on",
            ("label",),
            registry=self.registry,
        )
        for label, texts in training.items():
            shares.labels(label).set(texts / sum(training.values()))
        Info("model", "The model that is served", registry=self.registry).info(
            {"version": version, "instance": instance, "model": model}
        )
        self._children: dict[tuple[str, str, int], _Children] = {}

    def count_answer(self, label: str, tokens: int | None, known: int | None) -> None:
        """Count one answer, and of how many tokens the model knew how many (None: it cannot say).

        Raises KeyError for a label that is none of the classes.
        """
        self._count_label[label]()
        if tokens is not None and known is not None:
            self._count_tokens(tokens)
            self._count_known(known)

    def record(self, method: str, handler: str, status: int, seconds: float) -> None:
        """Count one finished request."""
        if method not in METHODS:
            method = OTHER_METHOD
        key = (method, handler, status)
        children = self._children.get(key)
        if children is None:
            children = self._children[key] = _Children(
                self._requests.labels(method, handler, str(status)).inc,
                self._duration.labels(handler).observe,
            )
        children.increment()
        children.observe(seconds)

    def render(self) -> bytes:
        """The metrics in the Prometheus text format (CONTENT_TYPE_LATEST)."""
        return generate_latest(self.registry)


class MetricsMiddleware:
    """Pure ASGI layer that records every HTTP request, also one that ends in an exception."""

    def __init__(self, app: ASGIApp, metrics: ServiceMetrics, handlers: Set[str]) -> None:
        """`handlers` are the templates of the application's routes.

        All of them are literal, so that a request's path names its handler. A route with
        parameters would be counted as unmatched.
        """
        self._app = app
        self._metrics = metrics
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of the server."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        metrics = self._metrics
        status = 500

        async def send_and_note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        metrics.in_progress += 1
        started = time.perf_counter()
        try:
            await self._app(scope, receive, send_and_note_status)
        finally:
            metrics.in_progress -= 1
            seconds = time.perf_counter() - started
            path = scope["path"]
            handler = path if path in self._handlers else UNMATCHED
            metrics.record(scope["method"], handler, status, seconds)
