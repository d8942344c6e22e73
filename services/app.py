"""The service: one process, one version of the model.

MODEL_VERSION=v1 INSTANCE=v1-1 python -m uvicorn --factory services.app:create_app
"""

import gc
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.middleware import Middleware
from starlette.routing import Route

from services.artefact import ArtefactError, load
from services.errors import (
    BODY_ERROR_RESPONSES,
    METHOD_NOT_ALLOWED_RESPONSE,
    install_error_handlers,
)
from services.local_host import LocalHostMiddleware
from services.metrics import MetricsMiddleware, ServiceMetrics
from services.predict_route import PredictRoute
from services.schema import (
    Health,
    PredictionV1,
    PredictionV2,
    PredictRequest,
    TokenWeight,
    answer_of,
)
from services.scorer import Scorer
from services.settings import ServiceSettings, SettingsError, load_settings

EXIT_CONFIGURATION = 2
"""Exit code of a process whose settings or model files cannot be used."""

_ANSWERED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The prediction",
        "headers": {
            "X-Prediction": {
                "description": "The class, percent-encoded; the gateway logs and hides it",
                "schema": {"type": "string"},
                "required": True,
            }
        },
    }
}


def create_app(environ: Mapping[str, str] | None = None) -> FastAPI:
    """The application for a server process: settings from `environ` (None: os.environ).

    Raises SystemExit after one line on stderr when the settings are wrong or the model's
    files do not match their manifest: a damaged model is never served.
    """
    try:
        settings = load_settings(os.environ if environ is None else environ)
        artefact = load(settings.model_dir)
    except (SettingsError, ArtefactError) as error:
        sys.stderr.write(f"service: {error}\n")
        raise SystemExit(EXIT_CONFIGURATION) from None
    app = build_app(settings, artefact.scorer, artefact.digest, artefact.training)
    if settings.faults is not None:
        add_faults(app, settings.faults, settings.instance, lambda: settings.instance)
    # The model lives as long as the process: the garbage collector need not walk it.
    gc.freeze()
    return app


def build_app(
    settings: ServiceSettings,
    scorer: Scorer,
    digest: str,
    training: Mapping[str, int] = MappingProxyType({}),
) -> FastAPI:
    """The application around a model that is loaded and verified.

    `digest` names the model: the first 12 hex digits of its manifest's SHA-256. `training`: how
    many texts of each class it was trained on, where that is known.
    """
    metrics = ServiceMetrics(
        version=settings.version,
        instance=settings.instance,
        model=digest,
        classes=scorer.classes,
        training=training,
    )
    app = FastAPI(
        title=f"Switchyard sentiment service {settings.version}",
        version=settings.version,
        description="Any other path is a 404 with the same JSON body as the other refusals.",
        redoc_url=None,
        redirect_slashes=False,
        # Off, or every request looks three times whether OpenTelemetry was configured.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    install_error_handlers(app)
    answer = answer_of(settings.version)
    predict = PredictRoute(
        "/predict",
        _explained(scorer, metrics, digest, answer)
        if issubclass(answer, PredictionV2)
        else _short(scorer, metrics),
        response_model=answer,
        summary="Classify one sentence",
        responses=_ANSWERED | BODY_ERROR_RESPONSES | METHOD_NOT_ALLOWED_RESPONSE,
    )
    # Before the documentation's routes: the router tries one after the other.
    app.router.routes.insert(0, predict)
    _add_health(app, settings, digest)
    _add_metrics(app, metrics)
    handlers = frozenset(route.path for route in app.routes if isinstance(route, Route))
    # The first one is the outermost: what is refused is counted, too.
    app.add_middleware(LocalHostMiddleware)
    app.add_middleware(MetricsMiddleware, metrics=metrics, handlers=handlers)
    return app


def add_faults(app: FastAPI, file: Path, who: str, instance: Callable[[], str]) -> None:
    """Have the application misbehave as `file` says of `instance`, asked when it is read.

    `who` misbehaves, as it is said at the start.
    """
    # Here, so that no other process loads it; without it nothing stands in the way of a request.
    from services.faults import FaultMiddleware, announce

    announce(file, who)
    # Not add_middleware, which puts it around the metrics: a fault is to be counted like any other.
    app.user_middleware.append(Middleware(FaultMiddleware, file=file, instance=instance))


def _short(
    scorer: Scorer, metrics: ServiceMetrics
) -> Callable[[PredictRequest], Awaitable[PredictionV1]]:
    async def predict(request: PredictRequest) -> PredictionV1:
        """The most probable class of the sentence."""
        score = scorer.score(request.sentence)
        metrics.count_answer(score.label, score.tokens, score.known_tokens)
        return PredictionV1(prediction=score.label, prediction_value=score.label)

    return predict


def _explained(
    scorer: Scorer, metrics: ServiceMetrics, digest: str, answer: type[PredictionV2]
) -> Callable[[PredictRequest], Awaitable[PredictionV2]]:
    async def predict(request: PredictRequest) -> PredictionV2:
        """The most probable class of the sentence, how sure the model is, and why."""
        score, explanation = scorer.score_and_explain(request.sentence)
        metrics.count_answer(score.label, score.tokens, score.known_tokens)
        return answer(
            prediction=score.label,
            prediction_value=score.label,
            prediction_proba_dict=dict(zip(scorer.classes, score.probabilities, strict=True)),
            confidence=max(score.probabilities),
            known_tokens=score.known_tokens,
            explanation=[TokenWeight(token=token, weight=weight) for token, weight in explanation],
            model=digest,
        )

    return predict


def _add_health(app: FastAPI, settings: ServiceSettings, digest: str) -> None:
    ready = Health(instance=settings.instance, version=settings.version, model=digest)

    # Monitors ask with HEAD too; the document shows the one operation.
    @app.head("/healthz", include_in_schema=False)
    @app.get("/healthz", summary="Ready to answer?", responses=METHOD_NOT_ALLOWED_RESPONSE)
    async def healthz() -> Health:
        """200 once the model is loaded and its files match the manifest; before, no answer."""
        return ready


def _add_metrics(app: FastAPI, metrics: ServiceMetrics) -> None:
    # Not make_asgi_app: mounted at /metrics it answers with a redirect to /metrics/.
    @app.get("/metrics", include_in_schema=False)
    async def render() -> Response:
        return Response(metrics.render(), headers={"Content-Type": CONTENT_TYPE_LATEST})
