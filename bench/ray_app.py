"""Deploys what bench.ray measures: four replicas of v1, by the Python of .tools/ray.

.tools/ray/bin/python -m bench.ray_app [--batch]
"""

import sys
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from ray import serve

from services.artefact import load
from services.on_ray.deploy import connect, deploy
from services.schema import PredictionV1, PredictRequest
from services.settings import load_settings

OPTIONS: dict[str, Any] = {
    "num_replicas": 4,
    "max_ongoing_requests": 16,
    "ray_actor_options": {"num_cpus": 1},
    "logging_config": {"enable_access_log": False},
}
MODEL = Path("var/models/v1")


class Batched:
    """The same answer, worked out for as many requests together as come within 2 ms."""

    def __init__(self) -> None:
        self._scorer = load(MODEL).scorer

    @serve.batch(max_batch_size=16, batch_wait_timeout_s=0.002)  # type: ignore[untyped-decorator]
    async def score(self, sentences: list[str]) -> list[str]:
        """The class of each sentence."""
        return [self._scorer.score(sentence).label for sentence in sentences]

    def __serve_build_asgi_app__(self) -> FastAPI:
        app = FastAPI()

        @app.post("/predict")
        async def predict(request: PredictRequest, response: Response) -> PredictionV1:
            response.headers["X-Instance"] = "v1-1"  # or it is taken for an error of Serve
            label = await self.score(request.sentence)
            return PredictionV1(prediction=label, prediction_value=label)

        return app


def main() -> None:
    """Deploy, and end when every replica runs."""
    if "--batch" not in sys.argv:
        settings = load_settings({"MODEL_VERSION": "v1", "INSTANCE": "bench"})
        deploy(settings, load(MODEL).digest, OPTIONS)
        return
    connect()
    deployment = serve.deployment(serve.ingress()(Batched), name="v1", **OPTIONS)
    serve.run(deployment.bind(), name="v1", route_prefix="/v1")


if __name__ == "__main__":
    main()
