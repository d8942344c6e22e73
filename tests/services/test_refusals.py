import json
from collections.abc import Mapping
from typing import Any

import jsonschema
import pytest
from fastapi import FastAPI

from services.schema import MAX_BODY_BYTES
from tests.services.asgi_client import JSON, ask, chunked, predict
from tests.services.fake_model import EXPLODES, served

REQUEST_ID = "4f2a8c0d9e7b46d1"


@pytest.fixture(scope="module")
def v1() -> FastAPI:
    return served("v1")


NOT_JSON: list[tuple[bytes, str]] = [
    (b"", "The body is empty"),
    (b"{", "The body is not JSON: EOF while parsing an object"),
    (b"sentence=good", "The body is not JSON: expected value at line 1 column 1"),
    (b'{"sentence": "\xff"}', "The body is not UTF-8: byte 14 cannot be decoded"),
    ('{"sentence": "good"}'.encode("utf-16"), "The body is not UTF-8: byte 0"),
    (b'{"sentence": "\\ud800"}', "The body is not JSON: unexpected end of hex escape"),
    (b"[" * 10_000, "The body is not JSON: recursion limit exceeded"),
    (b'{"sentence": "", "n": ' + b"9" * 9_999 + b"}", "The body is not JSON: number out of range"),
]


@pytest.mark.parametrize(("body", "detail"), NOT_JSON)
def test_what_is_not_json_is_400(v1: FastAPI, body: bytes, detail: str) -> None:
    response = ask(v1, "POST", "/predict", content=body, headers=JSON)
    assert response.status_code == 400
    assert response.json()["detail"].startswith(detail)


INVALID: list[tuple[Any, list[str], str]] = [
    ([], ["body"], "Input should be an object"),
    ({}, ["body", "sentence"], "Field required"),
    ({"Sentence": "good"}, ["body", "sentence"], "Field required"),
    ({"sentence": None}, ["body", "sentence"], "Input should be a valid string"),
    ({"sentence": 1}, ["body", "sentence"], "Input should be a valid string"),
    ({"sentence": ["good"]}, ["body", "sentence"], "Input should be a valid string"),
    (
        {"sentence": "a" * 10_001},
        ["body", "sentence"],
        "String should have at most 10000 characters",
    ),
]


@pytest.mark.parametrize(("body", "place", "message"), INVALID)
def test_json_of_another_shape_is_422(
    v1: FastAPI, body: Any, place: list[str], message: str
) -> None:
    response = ask(v1, "POST", "/predict", json=body, headers={"X-Request-ID": REQUEST_ID})
    assert response.status_code == 422
    (problem,) = response.json()["detail"]
    assert (problem["loc"], problem["msg"]) == (place, message)
    assert response.json()["request_id"] == REQUEST_ID
    assert len(response.content) < 300, "the refused input is not sent back"


@pytest.mark.parametrize(
    "headers", [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-json"}]
)
def test_a_body_not_declared_as_json_is_415(v1: FastAPI, headers: Mapping[str, str]) -> None:
    response = ask(v1, "POST", "/predict", content='{"sentence": ""}', headers=headers)
    assert response.status_code == 415
    assert response.json()["detail"] == "Send the header Content-Type: application/json"


def body_of(size: int) -> bytes:
    empty = json.dumps({"sentence": "good", "padding": ""})
    return json.dumps({"sentence": "good", "padding": "x" * (size - len(empty))}).encode()


def test_a_body_over_64_kib_is_413(v1: FastAPI) -> None:
    assert len(body_of(MAX_BODY_BYTES)) == 64 * 1024
    largest = ask(v1, "POST", "/predict", content=body_of(MAX_BODY_BYTES), headers=JSON)
    larger = ask(v1, "POST", "/predict", content=body_of(MAX_BODY_BYTES + 1), headers=JSON)
    assert (largest.status_code, larger.status_code) == (200, 413)
    assert larger.json()["detail"].startswith("The body is larger than 65536 bytes")


def test_an_endless_body_is_refused_without_reading_it(v1: FastAPI) -> None:
    chunks = iter([b"x" * 40_000] * 10)
    response = ask(v1, "POST", "/predict", content=chunked(chunks), headers=JSON)
    assert response.status_code == 413
    assert len(list(chunks)) == 8, "two chunks exceed the limit; the others stay unread"


def test_a_body_in_pieces_is_put_together(v1: FastAPI) -> None:
    pieces = [b'{"sent', b'ence": "', b"", b'bad"}']
    response = ask(v1, "POST", "/predict", content=chunked(pieces), headers=JSON)
    assert response.json()["prediction"] == "negative"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_another_method_is_405_with_the_right_one(v1: FastAPI, method: str) -> None:
    response = ask(v1, method, "/predict")
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    if method != "HEAD":
        assert response.json()["detail"] == f"The method {method} is not allowed here; use POST"


@pytest.mark.parametrize("path", ["/", "/predict/", "/Predict", "/healthz/", "/redoc", "//predict"])
def test_any_other_path_is_404(v1: FastAPI, path: str) -> None:
    response = ask(v1, "POST", path, json={"sentence": "good"})
    assert response.status_code == 404
    assert "/openapi.json" in response.json()["detail"]


@pytest.mark.parametrize(
    ("sent", "repeated"),
    [
        (REQUEST_ID, REQUEST_ID),
        ("a.B_c-1234", "a.B_c-1234"),
        ("x" * 64, "x" * 64),
        ("x" * 65, None),
        ("short", None),
        ("<script>alert(1)</script>", None),
        ("line\tbreak1", None),
        (None, None),
    ],
)
def test_a_refusal_repeats_a_well_formed_request_id(
    v1: FastAPI, sent: str | None, repeated: str | None
) -> None:
    headers = {"X-Request-ID": sent} if sent is not None else {}
    assert ask(v1, "GET", "/nowhere", headers=headers).json()["request_id"] == repeated


def test_a_fault_of_the_model_is_500_and_the_next_request_is_served(v1: FastAPI) -> None:
    headers = {"X-Request-ID": REQUEST_ID}
    response = ask(v1, "POST", "/predict", json={"sentence": EXPLODES}, headers=headers)
    assert response.status_code == 500
    assert response.json() == {
        "detail": "The service failed on this request; its log says why",
        "request_id": REQUEST_ID,
    }
    assert predict(v1, "good").status_code == 200


DOCUMENTED_REFUSALS: dict[str, dict[str, Any]] = {
    "400": {"method": "POST", "content": b"{", "headers": JSON},
    "405": {"method": "GET"},
    "413": {"method": "POST", "content": b"x" * (MAX_BODY_BYTES + 1), "headers": JSON},
    "415": {"method": "POST", "content": b"{}"},
    "422": {"method": "POST", "content": b"{}", "headers": JSON},
}


def test_the_documented_statuses_are_those_that_occur(v1: FastAPI) -> None:
    document = v1.openapi()
    documented = document["paths"]["/predict"]["post"]["responses"]
    assert set(documented) == {"200", *DOCUMENTED_REFUSALS}
    for status, request in DOCUMENTED_REFUSALS.items():
        response = ask(v1, path="/predict", **request)
        assert str(response.status_code) == status
        schema = documented[status]["content"]["application/json"]["schema"]
        jsonschema.validate(response.json(), {**schema, "components": document["components"]})
