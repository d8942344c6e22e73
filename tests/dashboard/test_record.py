"""A recording holds everything, and shows the same again."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.events import Event, GatewayState, Hit, Marked, NginxMaster, PrometheusState
from dashboard.glyphs import UNICODE
from dashboard.lines import plain
from dashboard.log_fields import log_fields
from dashboard.present import overview
from dashboard.record import (
    BadRecording,
    RecordingWriter,
    from_json,
    read_recording,
    to_json,
)
from dashboard.replay import ReplayFeed
from dashboard.view import View
from gateway.accesslog import FIELDS, parse
from tests.dashboard.ray_story import LOST, WELL
from tests.dashboard.stories import START, access, busy_minute, hit, model
from tests.gateway.access_lines import line

REPOSITORY = Path(__file__).resolve().parents[2]


def written(path: Path, events: list[Event]) -> Path:
    writer = RecordingWriter(path)
    for event in events:
        writer.write(event)
    writer.close()
    return path


def test_a_recording_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = written(tmp_path / "new.jsonl", [])
        assert path.stat().st_mode & 0o777 == 0o600
        # Whoever shares one has said so.
        path.chmod(0o644)
        assert written(path, []).stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(before)


def test_every_event_reads_back() -> None:
    for event in [*busy_minute(), Marked(START, True), Marked(START, False)]:
        assert from_json(json.loads(json.dumps(to_json(event)))) == event
    firing = PrometheusState(START, 5, 6, 2, ("InstanceDown v1-2", "Errors v2"))
    assert from_json(json.loads(json.dumps(to_json(firing)))) == firing
    for cluster in (WELL, LOST):
        assert from_json(json.loads(json.dumps(to_json(cluster)))) == cluster


@pytest.mark.parametrize(
    "master", [None, NginxMaster(5812, True, (5812, 5813)), NginxMaster(1, False)]
)
def test_the_master_of_nginx_reads_back(master: NginxMaster | None) -> None:
    event = GatewayState(START, 12, 9, None, master)
    assert from_json(json.loads(json.dumps(to_json(event)))) == event
    # A recording of an earlier program does not tell of it.
    assert from_json({k: v for k, v in to_json(event).items() if k != "master"}) == (
        GatewayState(START, 12, 9, None)
    )


def test_a_recording_from_before_prometheus_reads() -> None:
    *_, last = read_recording(REPOSITORY / "docs/demo.jsonl")
    assert last.at > 0


def test_a_hit_is_its_log_line() -> None:
    original = line(
        upstream_addr="127.0.0.1:8102, 127.0.0.1:8103 : 127.0.0.1:8201",
        upstream_status="502, - : 200",
        upstream_response_time="0.001, - : 0.002",
    )
    fields = log_fields(parse(original))
    assert tuple(fields) == FIELDS
    assert fields == json.loads(original)


@given(st.text(), st.text(), st.floats(0, 1e9).map(lambda value: round(value, 3)))
def test_hits_read_back_whatever_they_hold(uri: str, user: str, at: float) -> None:
    event = hit(at, uri=uri, user_id=user)
    assert from_json(json.loads(json.dumps(to_json(event)))) == event


def test_a_replay_ends_as_the_run_ended(tmp_path: Path) -> None:
    events = list(busy_minute())
    feed = ReplayFeed(written(tmp_path / "run.jsonl", events), float("inf"))
    feed.start()
    while feed.advance():
        pass
    view = View(120, 40, UNICODE)
    live = model(*events)
    now = max(event.at for event in events)
    assert feed.label == "end of replay"
    assert feed.now() == now
    assert overview(feed.model, view, now, "") == overview(live, view, now, "")
    assert "v1-2 not ready" in plain(overview(feed.model, view, now, "")[0])


def test_a_replay_keeps_the_pace(tmp_path: Path) -> None:
    times = iter([0.0, 1.0, 1.0, 5.0, 5.0])
    path = written(tmp_path / "run.jsonl", [hit(START), hit(START + 3), hit(START + 9)])
    feed = ReplayFeed(path, 2.0, lambda: next(times))
    feed.start()
    feed.advance()
    assert feed.model.hits == 1
    assert feed.now() == pytest.approx(START + 2.05)
    assert feed.label == "replay"
    feed.advance()
    assert feed.model.hits == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no event"),
        ('{"format":"else"}\n', "does not say"),
        ('{"format":"switchyard-recording","version":9}\n', "version 9"),
        ("not json\n", "not a line of a recording"),
        ('{"format":"switchyard-recording","version":1}\n{"at":1,"kind":"x"}\n', ":2: .*'x'"),
    ],
)
def test_says_why_a_file_is_no_recording(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    with pytest.raises(BadRecording, match=words):
        ReplayFeed(path)


def test_a_line_that_was_cut_off_ends_a_recording(tmp_path: Path) -> None:
    path = written(tmp_path / "run.jsonl", [hit(START), hit(START + 1)])
    path.write_text(path.read_text()[:-20])
    assert [event.at for event in read_recording(path)] == [pytest.approx(START + 0.05)]


def test_the_password_is_in_no_recording() -> None:
    assert "password" not in json.dumps(to_json(Hit(START, access())))
