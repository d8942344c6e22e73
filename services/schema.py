"""The bodies that the service accepts and sends.

Every version has a model of its own, so that the OpenAPI document of an instance states
exactly what that instance answers.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

MAX_SENTENCE_CHARACTERS = 10_000
"""Longest sentence, in Unicode code points."""

MAX_BODY_BYTES = 64 * 1024
"""Largest request body. nginx holds the same limit (client_max_body_size)."""


class PredictRequest(BaseModel):
    """A sentence to classify. Other keys are ignored."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"sentence": "I am happy"}]})

    sentence: Annotated[
        str,
        Field(max_length=MAX_SENTENCE_CHARACTERS, description="May be empty."),
    ]


class Prediction(BaseModel):
    """What every version answers."""

    prediction: Annotated[str, Field(description="The most probable class.")]
    prediction_value: Annotated[
        str,
        Field(
            serialization_alias="prediction value",
            description="The same as prediction, under the name that older clients read.",
        ),
    ]


class PredictionV1(Prediction):
    """The answer of v1."""

    version: Literal["v1"] = "v1"


# Not a BaseModel: an answer holds up to 50, and this takes a third of the time to make.
@dataclass(slots=True)
class TokenWeight:
    """How much one token of the sentence moved the answer."""

    token: str
    weight: Annotated[
        float,
        Field(
            description="Log-odds added by the token: of positive against negative, or, where a "
            "model has other classes, of the answer against the second most probable class."
        ),
    ]


class PredictionV2(Prediction):
    """The answer of v2: v1's keys, and how the model came to it."""

    version: Literal["v2"] = "v2"
    prediction_proba_dict: Annotated[
        dict[str, float], Field(description="Probability of every class; the sum is 1.")
    ]
    confidence: Annotated[float, Field(ge=0, le=1, description="The highest probability.")]
    known_tokens: Annotated[
        Annotated[int, Field(ge=0)] | None,
        Field(
            description="Tokens that the model knows. With 0 only the prior decides. null for a "
            "model without a vocabulary of words."
        ),
    ]
    explanation: Annotated[
        list[TokenWeight],
        Field(
            description="The strongest tokens, in the order of the text. Empty where the model "
            "cannot say: no known token, or served by scikit-learn itself."
        ),
    ]
    model: Annotated[str, Field(description="First 12 hex digits of the manifest's SHA-256.")]


def answer_of(version: str) -> type[PredictionV1] | type[PredictionV2]:
    """What a version answers: v1 its three keys, any later one those of v2 under its own name."""
    if version == "v1":
        return PredictionV1
    if version == "v2":
        return PredictionV2
    named: Any = (Literal[version], version)
    return create_model(f"Prediction{version.upper()}", __base__=PredictionV2, version=named)


class Health(BaseModel):
    """The instance is ready: its model is loaded and verified."""

    status: Literal["ready"] = "ready"
    instance: str
    version: str
    model: Annotated[str, Field(description="First 12 hex digits of the manifest's SHA-256.")]


_REQUEST_ID = Field(
    description="The request's X-Request-ID, as set by the gateway and found in its access log; "
    "null when there was none."
)


class ErrorBody(BaseModel):
    """Any refusal other than 422."""

    detail: Annotated[str, Field(description="What is wrong, and what to do.")]
    request_id: Annotated[str | None, _REQUEST_ID]


class Invalid(BaseModel):
    """One way in which the body differs from the schema."""

    type: str
    loc: Annotated[list[str | int], Field(description='Path to the value, from "body" on.')]
    msg: str


class ValidationErrorBody(BaseModel):
    """The body is JSON, but not what the schema asks for."""

    detail: list[Invalid]
    request_id: Annotated[str | None, _REQUEST_ID]
