"""The backend of the gateway benchmark answers whole requests only, and each of them."""

from __future__ import annotations

import asyncio
import json
from typing import cast

import pytest

from bench.fast_backend import Answer, response

REQUEST = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"


class Written:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data


def connected() -> tuple[Answer, Written]:
    written = Written()
    protocol = Answer(b"ANSWER")
    protocol.connection_made(cast(asyncio.BaseTransport, written))
    return protocol, written


@pytest.mark.parametrize("cut", range(1, len(REQUEST)))
def test_a_request_in_two_pieces_is_answered_once(cut: int) -> None:
    protocol, written = connected()
    protocol.data_received(REQUEST[:cut])
    assert written.data == b""
    protocol.data_received(REQUEST[cut:])
    assert written.data == b"ANSWER"


def test_two_requests_at_once_are_answered_twice() -> None:
    protocol, written = connected()
    protocol.data_received(REQUEST + b"GET /healthz HTTP/1.1\r\n\r\n")
    assert written.data == b"ANSWERANSWER"


def test_the_answer_is_complete() -> None:
    head, _, body = response("positive").partition(b"\r\n\r\n")
    assert json.loads(body)["prediction"] == "positive"
    assert f"content-length: {len(body)}".encode() in head
    assert b"x-prediction: positive" in head
