"""The service to compare with, written anew from its description.

What the common solutions of the exam have alike: a synchronous endpoint that calls
`predict` and `predict_proba` of the scikit-learn pipeline on every request, whatever
part of it the answer needs. It serves our own pipelines, so both sides compute the same.

    EXAM_MODEL=var/models/v1/model.joblib EXAM_VERSION=v1 \\
        python -m uvicorn --factory bench.exam_service:create_app
"""

import os
from typing import Any

import joblib
from fastapi import FastAPI
from pydantic import BaseModel


class Sentence(BaseModel):
    """The request."""

    sentence: str


def create_app() -> FastAPI:
    """The application around the pipeline that EXAM_MODEL names, as EXAM_VERSION answers."""
    pipeline = joblib.load(os.environ["EXAM_MODEL"])
    tells_probabilities = os.environ["EXAM_VERSION"] == "v2"
    app = FastAPI()

    @app.post("/predict", response_model=None)
    def predict(request: Sentence) -> dict[str, Any]:
        label = pipeline.predict([request.sentence])[0]
        probabilities = pipeline.predict_proba([request.sentence])[0]
        answer: dict[str, Any] = {"prediction value": str(label)}
        if tells_probabilities:
            answer["prediction_proba_dict"] = {
                str(name): float(value)
                for name, value in zip(pipeline.classes_, probabilities, strict=True)
            }
        return answer

    return app
