"""The language of the filter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.filters import FIELDS, Filter, FilterError, Term, parse_filter
from tests.dashboard.stories import START, access, model

REQUEST = access(
    START,
    "v1-2",
    404,
    request_time="0.012",
    user_id="u-17",
    remote_user="admin",
    uri="/predict?a=1",
    request_id="abc-123",
    cohort="debug",
)


def matches(text: str) -> bool:
    return parse_filter(text).matcher(model().answered_by)(REQUEST)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "status=404",
        "status:404",
        "status>=400 inst:v1 user:admin",
        "status=4xx",
        "!status=2xx",
        "status!=200",
        "status!=5xx",
        "status<500 status>403 status<=404",
        "ms>=12 ms<=12",
        "inst=v1-2",
        "inst:V1",
        "inst!=v2-1",
        "!inst:v2",
        "user:u-1",
        "user=admin",
        "path:/predict",
        "id:abc",
        "cohort=debug",
        "method:post",
        "ip:127.",
        "agent:httpx",
        "predict",
        "!mallory",
    ],
)
def test_holds(text: str) -> None:
    assert matches(text)


@pytest.mark.parametrize(
    "text",
    [
        "status=200",
        "status>404",
        "status=4xx inst:v2",
        "status!=4xx",
        "ms>12",
        "inst:v2",
        "inst=v1",
        "inst!=v1-2",
        "user=adm",
        "user!=admin",
        "!path:/predict",
        "mallory",
    ],
)
def test_does_not_hold(text: str) -> None:
    assert not matches(text)


def test_nginx_is_an_instance_too() -> None:
    wanted = parse_filter("inst=nginx").matcher(model().answered_by)
    assert wanted(access(START, ""))
    assert not wanted(REQUEST)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour=red", "no field 'colour'"),
        ("status>=", "lacks a value"),
        ("status=abc", "not a number"),
        ("status>=4xx", "goes with = or !="),
        ("user>=x", "is text"),
        ("!", "not a condition"),
    ],
)
def test_says_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(FilterError, match=words):
        parse_filter(text)


@given(st.text())
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        found = parse_filter(text)
    except FilterError:
        return
    assert parse_filter(str(found)) == found
    assert found.matcher(model().answered_by)(REQUEST) in (True, False)


TERMS = st.builds(
    Term,
    st.sampled_from(FIELDS),
    st.sampled_from(["=", "!=", ":"]),
    st.from_regex(r"[0-9]{1,5}", fullmatch=True),
    st.booleans(),
)


@given(st.lists(TERMS, max_size=5))
def test_a_filter_reads_back(terms: list[Term]) -> None:
    assert parse_filter(str(Filter(tuple(terms)))) == Filter(tuple(terms))


@given(TERMS)
def test_negation_turns_round(term: Term) -> None:
    opposite = Term(term.field, term.operator, term.value, not term.negated)
    answered = model().answered_by
    assert Filter((term,)).matcher(answered)(REQUEST) != Filter((opposite,)).matcher(answered)(
        REQUEST
    )


def test_drilling_replaces_the_same_condition() -> None:
    wanted = parse_filter("status=200 inst:v1").with_term(Term("status", "=", "404"))
    assert str(wanted) == "inst:v1 status=404"
