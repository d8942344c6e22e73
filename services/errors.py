"""Every refusal as JSON: what is wrong, and the id to find the request in the gateway's log."""

import re
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import Scope

from services.schema import MAX_BODY_BYTES, ErrorBody, ValidationErrorBody

CLIENT_CLOSED_REQUEST = 499
"""nginx's status for a client that left before the answer; it only reaches the metrics."""

# What the gateway sends. Anything else is not repeated in a body.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

METHOD_NOT_ALLOWED_RESPONSE: dict[int | str, dict[str, Any]] = {
    405: {"model": ErrorBody, "description": "Any other method; Allow names the right one"},
}
"""OpenAPI: the refusal that every path has."""

BODY_ERROR_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "The body is empty, not UTF-8 or not JSON"},
    413: {"model": ErrorBody, "description": f"The body is larger than {MAX_BODY_BYTES} bytes"},
    415: {"model": ErrorBody, "description": "The Content-Type is not application/json"},
    422: {"model": ValidationErrorBody, "description": "The JSON does not match the schema"},
}
"""OpenAPI: the refusals of a path that reads a JSON body."""


def request_id(request: Request) -> str | None:
    """The request's X-Request-ID if it is well-formed, else None."""
    value = request.headers.get("x-request-id", "")
    return value if _REQUEST_ID.fullmatch(value) else None


def install_error_handlers(app: FastAPI) -> None:
    """Answer every refusal and every exception of `app` with `detail` and `request_id`."""
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _failed)


def refusal(scope: Scope, status: int, detail: str) -> JSONResponse:
    """The answer of a layer that lies outside of the application's routes."""
    return _response(Request(scope), status, detail)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 (registered for this class only)
    detail = error.detail
    if error.status_code == 404:
        detail = "Nothing is served at this path; /openapi.json lists what is"
    elif error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        detail = f"The method {request.method} is not allowed here; use {allowed}"
    return _response(request, error.status_code, detail, error.headers)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 (as above)
    return _response(request, 422, error.errors())


async def _failed(request: Request, _error: Exception) -> JSONResponse:
    # Starlette raises the exception again after this answer, and the server logs it.
    return _response(request, 500, "The service failed on this request; its log says why")


def _response(
    request: Request, status: int, detail: Any, headers: Any | None = None
) -> JSONResponse:
    body = {"detail": detail, "request_id": request_id(request)}
    return JSONResponse(body, status_code=status, headers=headers)
