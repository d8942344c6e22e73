import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.schema import (
    MAX_SENTENCE_CHARACTERS,
    PredictionV1,
    PredictionV2,
    PredictRequest,
    TokenWeight,
)


@given(st.text(st.characters(codec="utf-8"), max_size=200), st.booleans())
def test_every_text_arrives_as_it_was_sent(sentence: str, escaped: bool) -> None:
    body = json.dumps({"sentence": sentence}, ensure_ascii=escaped).encode()
    assert PredictRequest.model_validate_json(body).sentence == sentence


@pytest.mark.parametrize("character", ["a", "é", "猫", "😀"])
def test_the_limit_counts_characters_not_bytes(character: str) -> None:
    longest = character * MAX_SENTENCE_CHARACTERS
    assert PredictRequest(sentence=longest).sentence == longest
    with pytest.raises(ValidationError, match="at most 10000 characters"):
        PredictRequest(sentence=longest + character)


@pytest.mark.parametrize("body", ["{}", '{"sentence": null}', '{"sentence": 1}', "[]", '"good"'])
def test_anything_but_a_sentence_is_invalid(body: str) -> None:
    with pytest.raises(ValidationError):
        PredictRequest.model_validate_json(body)


def test_v1_has_three_keys() -> None:
    answer = PredictionV1(prediction="positive", prediction_value="positive")
    assert json.loads(answer.model_dump_json(by_alias=True)) == {
        "prediction": "positive",
        "prediction value": "positive",
        "version": "v1",
    }


def test_v2_adds_to_the_keys_of_v1() -> None:
    answer = PredictionV2(
        prediction="positive",
        prediction_value="positive",
        prediction_proba_dict={"negative": 0.1, "positive": 0.9},
        confidence=0.9,
        known_tokens=1,
        explanation=[TokenWeight(token="good", weight=1.5)],
        model="0123456789ab",
    )
    assert json.loads(answer.model_dump_json(by_alias=True)) == {
        "prediction": "positive",
        "prediction value": "positive",
        "version": "v2",
        "prediction_proba_dict": {"negative": 0.1, "positive": 0.9},
        "confidence": 0.9,
        "known_tokens": 1,
        "explanation": [{"token": "good", "weight": 1.5}],
        "model": "0123456789ab",
    }
