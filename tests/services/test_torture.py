"""No text and no body makes a service fail, or think for long."""

from __future__ import annotations

import html
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tokens import unescaped
from tests.services.conftest import TinyModel
from tests.services.direct import post
from tests.services.fake_model import served
from tests.torture import REFUSED, SENTENCES

LONGEST_S = 2.0
"""Of one answer; it takes some 10 ms, and these machines are busy."""


@pytest.fixture(params=["v1", "v2"])
def version(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.mark.parametrize("name", SENTENCES)
def test_every_text_has_an_answer(
    tiny_words: TinyModel, tiny_tweets: TinyModel, version: str, name: str
) -> None:
    app = served(version, (tiny_words if version == "v1" else tiny_tweets).scorer)
    begun = time.process_time()
    # As \\u escapes a character takes up to 12 bytes, and all of them would be too many.
    answer = post(app, json.dumps({"sentence": SENTENCES[name]}, ensure_ascii=False).encode())
    assert time.process_time() - begun < LONGEST_S
    assert answer.status == 200, answer.body
    assert json.loads(answer.body)["prediction"] in tiny_words.scorer.classes


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_text_is_refused_with_the_reason(version: str, name: str) -> None:
    app = served(version)
    begun = time.process_time()
    answer = post(app, REFUSED[name])
    assert time.process_time() - begun < LONGEST_S
    assert answer.status in (400, 413, 422), answer.body
    assert set(json.loads(answer.body)) == {"detail", "request_id"}
    assert b"Traceback" not in answer.body
    # The input is not repeated: the answer stays short.
    assert len(answer.body) < 1_000


@given(st.text(alphabet="&#;0123456789xa", max_size=40))
def test_entities_are_decoded_as_html_does(text: str) -> None:
    assert unescaped(text) == html.unescape(text)


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        ("&#" + "9" * 5_000 + ";!", "\ufffd!"),
        ("&#" + "0" * 5_000 + "65!", "A!"),
        ("&#" + "0" * 5_000 + ";", "\ufffd"),
        ("&#0001114109;", "\U0010fffd"),
        ("&#0001114112;", "\ufffd"),
    ],
    ids=["nines", "zeros and 65", "zeros", "the last character", "the next one"],
)
def test_references_that_html_cannot_decode(text: str, decoded: str) -> None:
    assert unescaped(text) == decoded
