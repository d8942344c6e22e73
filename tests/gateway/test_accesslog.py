"""The access log line: what nginx can write is read exactly, everything else is refused."""

import json
from pathlib import Path
from time import process_time
from timeit import repeat

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import accesslog
from gateway.accesslog import FIELDS, Access, BadLine, UpstreamAttempt, parse
from gateway.gateway_metrics import RequestCounts
from tests.gateway.access_lines import NOT_PROXIED, TYPICAL, line

SCHEMA = json.loads(
    (Path(accesslog.__file__).parent / "access-log.schema.json").read_text(encoding="utf-8")
)


def milliseconds() -> st.SearchStrategy[float]:
    return st.integers(0, 10**7).map(lambda number: number / 1000)


def present(text: str) -> str:
    return "" if text == "-" else text


def words() -> st.SearchStrategy[str]:
    # nginx writes no lone surrogates: what it passes through are bytes.
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(present)


def statuses() -> st.SearchStrategy[int]:
    return st.integers(0, 999)


@st.composite
def attempts(draw: st.DrawFn) -> tuple[UpstreamAttempt, ...]:
    found = draw(
        st.lists(
            st.builds(
                UpstreamAttempt,
                address=st.sampled_from(["127.0.0.1:8101", "[::1]:8102", "unix:/x", "api_v1"]),
                status=st.none() | statuses(),
                time=st.none() | milliseconds(),
                retried=st.booleans(),
            ),
            max_size=5,
        )
    )
    if found:
        found[-1] = found[-1]._replace(retried=False)
    return tuple(found)


def accesses() -> st.SearchStrategy[Access]:
    text = {
        name: words()
        for name, kind in Access.__annotations__.items()
        if kind is str and name != "cohort"
    }
    return st.builds(
        Access,
        time=milliseconds(),
        status=statuses(),
        bytes_sent=st.integers(0, 10**12),
        request_time=milliseconds(),
        cohort=st.sampled_from(["v1", "canary", "debug", "control", "v3", ""]),
        upstream_attempts=attempts(),
        **text,
    )


def written(access: Access) -> bytes:
    """The line that nginx would write, by its documentation of the upstream variables."""

    def joined(values: list[str]) -> str:
        text = ""
        for value, attempt in zip(values, access.upstream_attempts, strict=True):
            text += value + (", " if attempt.retried else " : ")
        return text[: -len(" : ")] if text else ""

    tried = access.upstream_attempts
    changes = {name: value for name, value in access._asdict().items() if name in FIELDS}
    changes |= {
        "time": f"{access.time:.3f}",
        "status": f"{access.status:03d}",
        "bytes_sent": str(access.bytes_sent),
        "request_time": f"{access.request_time:.3f}",
        "upstream_addr": joined([one.address for one in tried]),
        "upstream_status": joined(
            ["-" if one.status is None else f"{one.status:03d}" for one in tried]
        ),
        "upstream_response_time": joined(
            ["-" if one.time is None else f"{one.time:.3f}" for one in tried]
        ),
    }
    return line(**changes)


@given(accesses())
def test_what_nginx_writes_is_read_back(access: Access) -> None:
    assert parse(written(access)) == access


@given(st.sampled_from(FIELDS), st.binary(max_size=40))
def test_whatever_is_between_the_quotes_is_read_as_json_reads_it(field: str, raw: bytes) -> None:
    data = line(**{field: "@"}).replace(b'"@"', b'"' + raw + b'"')
    # The space is all that keeps this one from being a line as nginx writes it.
    assert outcome(b"{ " + data[1:]) == outcome(data)


def outcome(data: bytes) -> Access | str:
    """The request, or why there is none."""
    try:
        return parse(data)
    except BadLine as problem:
        return str(problem)


def test_what_needed_no_escape_needs_no_json_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that it stays quick whatever nginx is made to write."""
    monkeypatch.setattr(accesslog, "_decode", None)
    assert parse(line()).instance == "v1-1"
    assert parse(line(**NOT_PROXIED, uri="/\u00fc")).uri == "/\u00fc"
    with pytest.raises(BadLine):
        parse(line(uri='/"'))


@given(st.binary(max_size=200) | st.text(max_size=50).map(lambda text: json.dumps(text).encode()))
def test_anything_else_is_a_bad_line(data: bytes) -> None:
    with pytest.raises(BadLine):
        parse(data)


@given(st.sampled_from(FIELDS), st.none() | st.integers() | st.lists(st.text()) | st.booleans())
def test_a_value_that_is_no_string_is_refused(field: str, value: object) -> None:
    with pytest.raises(BadLine, match="not a JSON object of strings"):
        parse(json.dumps({**TYPICAL, field: value}).encode())


@pytest.mark.parametrize("field", FIELDS)
def test_a_missing_field_is_named(field: str) -> None:
    record = {key: value for key, value in TYPICAL.items() if key != field}
    with pytest.raises(BadLine, match=field):
        parse(json.dumps(record).encode())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time", ""),
        ("time", "nan"),
        ("time", "-1"),
        ("request_time", "inf"),
        ("request_time", "soon"),
        ("status", "20"),
        ("status", "2000"),
        ("status", "+20"),
        ("status", "-"),
        ("bytes_sent", "-5"),
        ("bytes_sent", "9" * 5000),
        ("upstream_status", "ok"),
        ("upstream_response_time", "nan"),
    ],
)
def test_a_number_that_is_none_is_refused(field: str, value: str) -> None:
    with pytest.raises(BadLine):
        parse(line(**{field: value}))


def test_deep_nesting_is_a_bad_line_and_no_crash() -> None:
    with pytest.raises(BadLine):
        parse(b"[" * 1_000_000)


def test_two_requests_on_one_line_are_a_bad_line() -> None:
    """What is left when the end of a line was lost."""
    with pytest.raises(BadLine, match="more than one"):
        parse(line() + line())


def test_the_message_never_repeats_the_line() -> None:
    with pytest.raises(BadLine) as caught:
        parse(line(status="s3cret", uri="/s3cret"))
    assert "s3cret" not in str(caught.value)


def test_a_retried_request() -> None:
    access = parse(
        line(
            upstream_addr="127.0.0.1:8101, 127.0.0.1:8103",
            upstream_status="502, 200",
            upstream_response_time="-, 0.004",
        )
    )
    assert access.upstream_attempts == (
        UpstreamAttempt("127.0.0.1:8101", 502, None, retried=True),
        UpstreamAttempt("127.0.0.1:8103", 200, 0.004, retried=False),
    )
    assert access.retried
    assert access.upstream == "127.0.0.1:8103"


def test_an_internal_redirect_is_no_retry() -> None:
    access = parse(
        line(
            upstream_addr="[::1]:8101 : unix:/run/other.sock",
            upstream_status="- : 200",
            upstream_response_time="0.001 : 0.002",
        )
    )
    assert [attempt.address for attempt in access.upstream_attempts] == [
        "[::1]:8101",
        "unix:/run/other.sock",
    ]
    assert access.upstream_attempts[0].status is None
    assert not access.retried


def test_an_internal_redirect_that_asked_nobody() -> None:
    access = parse(
        line(upstream_addr="api_v1 : ", upstream_status="502 : ", upstream_response_time="0.000 : ")
    )
    assert access.upstream_attempts == (UpstreamAttempt("api_v1", 502, 0.0, retried=False),)


def test_shorter_lists_leave_values_absent() -> None:
    access = parse(line(upstream_addr="a:1, b:2", upstream_status="502", upstream_response_time=""))
    assert access.upstream_attempts == (
        UpstreamAttempt("a:1", 502, None, retried=True),
        UpstreamAttempt("b:2", None, None, retried=False),
    )


def test_a_request_that_nginx_answered() -> None:
    access = parse(line(**{**NOT_PROXIED, "status": "000", "remote_user": "-", "user_agent": "-"}))
    assert access.status == 0
    assert access.upstream is None
    assert access.upstream_attempts == ()
    assert not access.retried
    assert access.remote_user == access.user_agent == ""


def test_bytes_that_are_not_utf8_do_not_hide_a_request() -> None:
    raw = line(uri="/predict?x=HERE").replace(b"HERE", b"\xff\xfe")
    assert parse(raw).uri == "/predict?x=\ufffd\ufffd"


def test_an_unknown_field_is_ignored() -> None:
    assert parse(json.dumps({**TYPICAL, "new": "1"}).encode()) == parse(line())


def test_an_access_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        parse(line()).status = 500  # type: ignore[misc]


def test_the_schema_lists_the_fields() -> None:
    assert tuple(SCHEMA["properties"]) == FIELDS
    assert tuple(SCHEMA["required"]) == FIELDS


@given(accesses(), st.sampled_from(["gateway", "redirect", "unknown-host"]))
def test_what_nginx_writes_fits_the_schema(access: Access, server: str) -> None:
    known = access._replace(server=server, limit_req_status="PASSED")
    jsonschema.validate(json.loads(written(known)), SCHEMA, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("changes", [{"status": "20"}, {"cohort": "v3x"}, {"time": "now"}])
def test_the_schema_refuses(changes: dict[str, str]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(line(**changes)), SCHEMA)


def test_parse_and_fold_stay_within_the_budget() -> None:
    """10 us of CPU a line is the budget; three times that here, for a machine that is busy."""
    counts = RequestCounts({"127.0.0.1:8101": "v1-1"})
    data = line()

    def one_thousand() -> None:
        counts.fold([parse(data) for _ in range(1000)])

    assert min(repeat(one_thousand, number=1, repeat=30, timer=process_time)) / 1000 < 30e-6
