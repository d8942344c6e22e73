"""Text that broke a reader: of nginx, of the logs, of .env, of passwords."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway import accesslog, nginx_files, shadow_log
from gateway.accesslog import BadLine
from gateway.htpasswd import parse_htpasswd
from gateway.settings import SettingsError, load_settings
from gateway.shadow_log import Shadow
from gateway.shadow_metrics import ShadowCounts
from gateway.tally import StateError, Tally
from gateway.topology import TopologyError
from gateway.workload import WorkloadError, load_workload
from tests.gateway.access_lines import TYPICAL, line

ROOT = Path(__file__).parents[2]
COPY = {**{name: TYPICAL.get(name, "") for name in shadow_log.FIELDS}, "status": "200"}


@pytest.mark.parametrize("depth", [33, 5_000, 200_000])
def test_blocks_without_end(depth: int) -> None:
    with pytest.raises(TopologyError, match=r"x\.conf:1: more than 32 blocks inside each other"):
        nginx_files.parse("a {" * depth + "}" * depth, "x.conf")


@pytest.mark.parametrize("text", ['a "b;', "a 'b;", 'a \'b"c";', '"', "a b '"])
def test_a_quote_that_is_never_closed(text: str) -> None:
    with pytest.raises(TopologyError, match=r"x\.conf:1: unfinished word: close the quote"):
        nginx_files.parse(text, "x.conf")


def test_as_many_blocks_as_are_allowed() -> None:
    (found,) = nginx_files.parse("a {" * 32 + "b;" + "}" * 32, "x.conf")
    assert sum(1 for _ in found.walk()) == 33


@pytest.mark.parametrize(
    "changes",
    [
        {"time": "1e300"},
        {"time": "1e11"},
        {"request_time": "1e307"},
        {"upstream_response_time": "1e307"},
        {"bytes_sent": "9" * 19},
        {"bytes_sent": "9" * 5_000},
    ],
)
def test_numbers_that_nginx_never_writes(changes: dict[str, str]) -> None:
    with pytest.raises(BadLine, match=r"out of range|not a number"):
        accesslog.parse(line(**changes))


def test_the_largest_numbers_that_are_read() -> None:
    access = accesslog.parse(line(time="99999999999.999", bytes_sent="9" * 18))
    assert (access.time, access.bytes_sent) == (99_999_999_999.999, 10**18 - 1)


def test_half_a_surrogate_pair_in_a_log() -> None:
    half = json.dumps({**TYPICAL, "uri": "/\ud800"}).encode()
    with pytest.raises(BadLine):
        accesslog.parse(half)
    assert accesslog.parse(json.dumps({**TYPICAL, "uri": "/😀"}).encode()).uri == "/😀"
    with pytest.raises(BadLine):
        shadow_log.parse(json.dumps({**COPY, "prediction": "\udc00"}).encode())


@pytest.mark.parametrize("time", ["NaN", "inf", "-1", "1e300", "soon"])
def test_a_copy_at_no_time(time: str) -> None:
    assert shadow_log.parse(json.dumps(COPY).encode()).time == float(TYPICAL["time"])
    with pytest.raises(BadLine):
        shadow_log.parse(json.dumps({**COPY, "time": time}).encode())


def test_no_series_for_whatever_a_log_of_copies_holds() -> None:
    counts = ShadowCounts({"127.0.0.1:8201": "v2-1"})
    asked = ["127.0.0.1:8201", "127.0.0.1:8202, 127.0.0.1:8201", "api_shadow", "", "a\nb"]
    counts.fold(Shadow(0.0, "", 200, "", each, "") for each in asked)
    assert {upstream for upstream, _ in counts.copies} == {"v2-1", "api_shadow", "none", "other"}
    counts.fold(Shadow(0.0, "", 200, "", f"10.0.0.{n}:1", "") for n in range(1_000))
    assert len(counts.copies) <= 102


def test_counts_that_no_metric_can_show(tmp_path: Path) -> None:
    log, state = tmp_path / "access.jsonl", tmp_path / "state.json"
    log.write_bytes(line() + b"\n")
    tally = Tally(log, state, {})
    tally.advance(5)
    tally.save()
    stored = json.loads(state.read_text())
    stored["counts"]["requests"][0][-1] = 10**400
    state.write_text(json.dumps(stored))
    with pytest.raises(StateError, match="not usable"):
        Tally.restore(log, state, {})


@pytest.mark.parametrize("stored", ["{SSHA}é", "{SHA}ключ", "{SSHA}====", "{PLAIN}é"])
def test_a_hash_that_is_none_lets_nobody_in(stored: str) -> None:
    (entry,) = parse_htpasswd(f"ann:{stored}")
    assert not entry.accepts("secret")


@pytest.mark.parametrize("address", ["::1%lo", "fe80::1%eth0", "::1%; return 200 x"])
def test_an_address_with_a_zone(address: str) -> None:
    with pytest.raises(SettingsError, match="without port, brackets or zone"):
        load_settings(ROOT, {"GATEWAY_LISTEN_ADDRESS": address})


def test_a_corpus_whose_name_no_system_takes(tmp_path: Path) -> None:
    text = (ROOT / "workload.yaml").read_text()
    (tmp_path / "workload.yaml").write_text(text.replace("var/data/held-out.csv", '"a\\0b"'))
    with pytest.raises(WorkloadError, match="control character in its name"):
        load_workload(tmp_path)
