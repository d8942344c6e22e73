"""Requests to an application in this process, without a socket."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpx
from fastapi import FastAPI

JSON = {"Content-Type": "application/json"}


def ask(app: FastAPI, method: str, path: str, **options: Any) -> httpx.Response:
    """The answer to one request; an exception in the application is its 500."""

    async def exchange() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return await client.request(method, path, **options)

    return asyncio.run(exchange())


def predict(app: FastAPI, sentence: str) -> httpx.Response:
    """The answer to a well-formed question."""
    return ask(app, "POST", "/predict", json={"sentence": sentence})


async def chunked(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    """A body without a declared length."""
    for chunk in chunks:
        yield chunk
