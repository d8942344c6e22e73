"""One trivial application, counted in three ways: what bench.metrics compares."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from starlette.routing import Route

from services.metrics import MetricsMiddleware, ServiceMetrics

_BODY = b'{"prediction":"positive"}'
_CLASSES = ("negative", "neutral", "positive")


def none() -> FastAPI:
    """Counts nothing."""

    async def predict(request: Request) -> Response:
        await request.body()
        return Response(_BODY, media_type="application/json")

    return _app(Route("/predict", predict, methods=["POST"]))


def ours() -> FastAPI:
    """Counts what services.app counts: the request, the answer's class and its tokens."""
    metrics = ServiceMetrics(
        version="v1", instance="v1-1", model="0", classes=_CLASSES, training={}
    )

    async def predict(request: Request) -> Response:
        await request.body()
        metrics.count_answer("positive", 6, 5)
        return Response(_BODY, media_type="application/json")

    app = _app(Route("/predict", predict, methods=["POST"]))
    app.add_middleware(MetricsMiddleware, metrics=metrics, handlers=frozenset({"/predict"}))
    return app


def instrumentator() -> FastAPI:
    """Counts requests with prometheus-fastapi-instrumentator as its README shows."""
    from prometheus_fastapi_instrumentator import Instrumentator

    app = none()
    Instrumentator().instrument(app)
    return app


def _app(route: Route) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.router.routes.append(route)
    return app
