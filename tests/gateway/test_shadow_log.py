"""The log of the shadow: its format, and both answers joined in whatever order they come."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import shadow_log
from gateway.accesslog import Access, BadLine
from gateway.accesslog import parse as parse_access
from gateway.shadow_log import FIELDS, Agreement, Join, Shadow, parse
from tests.gateway.access_lines import line

SCHEMA = json.loads(
    (Path(shadow_log.__file__).parent / "shadow-log.schema.json").read_text(encoding="utf-8")
)
TYPICAL = {
    "time": "1732341234.456",
    "request_id": "5f9c7c1e2b3a4d5e6f708192a3b4c5d6",
    "status": "200",
    "instance": "v2-1",
    "upstream_addr": "127.0.0.1:8201",
    "upstream_response_time": "0.004",
    "prediction": "positive",
}


def copy(**changes: str) -> Shadow:
    return parse(json.dumps({**TYPICAL, **changes}).encode())


def original(**changes: str) -> Access:
    return parse_access(line(**changes))


def test_a_line_is_read() -> None:
    assert copy() == Shadow(
        1732341234.456, TYPICAL["request_id"], 200, "v2-1", "127.0.0.1:8201", "positive"
    )
    assert copy(status="504", prediction="").status == 504


@pytest.mark.parametrize("field", FIELDS)
def test_a_line_without_a_field_is_none(field: str) -> None:
    text = json.dumps({key: value for key, value in TYPICAL.items() if key != field})
    with pytest.raises(BadLine):
        parse(text.encode())


@given(st.binary(max_size=100) | st.from_regex(r'\{"time":"[^"]*"', fullmatch=True).map(str.encode))
def test_anything_else_is_a_bad_line(data: bytes) -> None:
    with pytest.raises(BadLine):
        parse(data)


@pytest.mark.parametrize("data", [b"[" * 100_000, b"[]", b'"a"', b"1", b"null"])
def test_other_json_is_a_bad_line(data: bytes) -> None:
    with pytest.raises(BadLine):
        parse(data)


def test_the_schema_has_the_fields_and_takes_the_line() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert tuple(SCHEMA["required"]) == tuple(SCHEMA["properties"]) == FIELDS
    jsonschema.validate(TYPICAL, SCHEMA)
    jsonschema.validate({**TYPICAL, "status": "504", "instance": "", "prediction": ""}, SCHEMA)
    for bad in ({"status": "20"}, {"time": "now"}, {"upstream_response_time": "soon"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**TYPICAL, **bad}, SCHEMA)


ANSWERS = st.sampled_from(["positive", "negative", ""])
PAIRS = st.lists(st.tuples(ANSWERS, ANSWERS, st.sampled_from([200, 502, 504])), max_size=30)


def joined(lines: Sequence[Access | Shadow]) -> Agreement:
    join = Join()
    for one in lines:
        if isinstance(one, Shadow):
            join.copy(one)
        else:
            join.original(one)
    return join.agreement


@given(PAIRS, st.data())
def test_in_any_order_the_same_comes_out(
    pairs: list[tuple[str, str, int]], data: st.DataObject
) -> None:
    lines: list[Access | Shadow] = []
    for number, (first, second, status) in enumerate(pairs):
        name = f"request-{number}"
        lines.append(original(request_id=name, prediction=first))
        lines.append(copy(request_id=name, prediction=second, status=str(status)))
    found = joined(data.draw(st.permutations(lines)))
    answered = [(first, second) for first, second, status in pairs if status == 200]
    both = [(first, second) for first, second in answered if first and second]
    assert found == Agreement(
        same=sum(first == second for first, second in both),
        different=sum(first != second for first, second in both),
        failed=len(pairs) - len(answered),
        silent=len(answered) - len(both),
    )
    assert found.pairs == len(both)
    assert found.share == (found.same / len(both) if both else None)


@pytest.mark.parametrize("changes", [{"status": "503"}, {"cohort": "canary"}, {"cohort": "debug"}])
def test_what_v1_did_not_answer_is_compared_with_nothing(changes: dict[str, str]) -> None:
    assert joined([original(**changes), copy()]) == Agreement()
    assert joined([original(cohort="control"), copy()]).pairs == 1


def test_what_waits_is_kept_for_a_bounded_time() -> None:
    join = Join()
    for number in range(10_001):
        join.original(original(request_id=f"r-{number}"))
    join.copy(copy(request_id="r-0"))
    join.copy(copy(request_id="r-1"))
    assert join.agreement.pairs == 1
