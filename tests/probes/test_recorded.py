"""Which requests of a recording can be sent again, and with which text."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gateway.accesslog import FIELDS
from gateway.errors import ConfigurationError
from gateway.workload import load_workload
from probes.recorded import FORMAT, TWIN, VERSION, Recorded, Recording, read_recording

ROOT = Path(__file__).parents[2]
WORKLOAD = load_workload(ROOT)
HEADER = {"format": FORMAT, "version": VERSION}
GOOD = dict.fromkeys(FIELDS, "") | {
    "time": "1000.500",
    "request_id": "traffic-1-000001",
    "user_id": "u-0001",
    "method": "POST",
    "uri": "/predict",
    "status": "200",
    "bytes_sent": "1",
    "request_time": "0.500",
    "cohort": "v1",
    "upstream_addr": "127.0.0.1:8101",
    "upstream_status": "200",
    "upstream_response_time": "0.001",
    "server": "gateway",
}


def hit(**fields: str) -> dict[str, Any]:
    return {"kind": "hit", "at": 2000.0, "access": GOOD | fields}


def read(tmp_path: Path, *lines: Any, end: str = "\n", most: int = 100) -> Recording:
    path = tmp_path / "recording.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + end)
    return read_recording(path, WORKLOAD, most)


def test_who_asked_when_is_taken_in_the_order_of_arrival(tmp_path: Path) -> None:
    other = {"kind": "marked", "at": 1.0, "on": True}
    slow = hit(request_id="slow-one", time="1001.000", request_time="0.900", user_id="")
    found = read(tmp_path, HEADER, hit(), other, slow, hit(cohort="debug", request_id="3-------"))
    assert [(round(r.at, 3), r.request_id, r.user, r.group) for r in found.requests] == [
        (1000.0, "traffic-1-000001", "u-0001", ""),
        (1000.0, "3-------", "u-0001", "debug"),
        (1000.1, "slow-one", "", ""),
    ]
    assert not found.left_out


@pytest.mark.parametrize("cohort", ["v1", "canary"])
def test_what_the_bucket_decided_is_decided_anew(tmp_path: Path, cohort: str) -> None:
    assert read(tmp_path, HEADER, hit(cohort=cohort)).requests[0].group == ""


@pytest.mark.parametrize("cohort", ["control", "debug", "v3"])
def test_who_asked_for_a_version_asks_for_it_again(tmp_path: Path, cohort: str) -> None:
    assert read(tmp_path, HEADER, hit(cohort=cohort)).requests[0].group == cohort


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"uri": "/healthz"}, "elsewhere"),
        ({"method": "GET"}, "elsewhere"),
        ({"server": "redirect"}, "elsewhere"),
        ({"upstream_addr": "", "upstream_status": "", "status": "429"}, "refused"),
        ({"upstream_addr": "", "upstream_status": "", "status": "000"}, "refused"),
        ({"status": "422", "upstream_status": "422"}, "refused"),
        ({"request_id": f"{TWIN}1-000001"}, "twins"),
        ({"uri": "/predict?a=1"}, None),
        ({"status": "499"}, None),
        ({"status": "500", "upstream_status": "500"}, None),
    ],
)
def test_what_cannot_be_sent_again_honestly_is_counted(
    tmp_path: Path, fields: dict[str, str], why: str | None
) -> None:
    found = read(tmp_path, HEADER, hit(**fields))
    assert found.left_out == (Counter() if why is None else Counter([why]))
    assert len(found.requests) == (why is None)


def test_an_id_stands_for_a_text() -> None:
    requests = [Recorded(0.0, f"traffic-{n:06d}", "", "") for n in range(2000)]
    texts = [request.text(10) for request in requests]
    assert texts == [request._replace(at=9.0, user="x").text(10) for request in requests]
    # From one version of this program to the next, too.
    assert texts[:5] == [6, 8, 1, 2, 8]
    assert all(140 < count < 260 for count in Counter(texts).values())
    assert set(texts) == set(range(10))


@pytest.mark.parametrize(
    ("lines", "end", "message"),
    [
        ([], "{", ":1: not a line of a recording"),
        ([{}], "\n", ":1: not a line of a recording .the first line does not say"),
        ([HEADER | {"version": 9}], "\n", ":1: .*version 9, this program reads 1"),
        ([HEADER, hit(), "text"], "\n", ":3: not a line of a recording"),
        ([HEADER, {"at": 1.0}], "\n", ":2: not a line of a recording"),
        ([HEADER, {"kind": "hit", "access": {}}], "\n", ":2: not a line of a recording"),
        ([HEADER, hit(), hit(), hit(), hit()], "\n", "more than 3 requests: record a shorter"),
    ],
)
def test_the_line_that_is_wrong_is_named(
    tmp_path: Path, lines: list[Any], end: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read(tmp_path, *lines, end=end, most=3)


def test_a_recorder_that_was_killed_leaves_half_a_line(tmp_path: Path) -> None:
    assert len(read(tmp_path, HEADER, hit(), end='\n{"kind":"hi').requests) == 1


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file or directory: give a file of"):
        read_recording(tmp_path / "none.jsonl", WORKLOAD, 1)


def test_the_demonstration_can_be_sent_again() -> None:
    assert len(read_recording(ROOT / "docs/demo.jsonl", WORKLOAD, 10_000).requests) > 1000
