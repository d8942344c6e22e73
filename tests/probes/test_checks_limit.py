"""The rate limit as the nginx files state it, and what it lets through."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Place, TopologyError
from probes.limit_files import RateLimit, find_limit

ROOT = Path(__file__).parents[2]
SERVER = "server {{ {server} location = /p {{ {location} proxy_pass http://a; }} }}"
ZONE = "limit_req_zone $binary_remote_addr zone={name}:1m rate={rate};"


def limit(rate: int = 10, burst: int = 20) -> RateLimit:
    return RateLimit(rate * 60, burst, False, 429, Place("nginx/x.conf", 1))


def written(root: Path, text: str) -> Path:
    (root / "nginx").mkdir()
    (root / "nginx/a.conf").write_text(text)
    return root


def test_the_limit_of_this_repository() -> None:
    found = find_limit(ROOT, "/predict")
    assert found is not None
    assert (found.rate, found.burst, found.at_once) == (10.0, 20, 21)
    assert (found.status, found.delayed) == (429, False)
    assert found.place.file == "nginx/snippets/predict.conf"
    line = (ROOT / found.place.file).read_text().splitlines()[(found.place.line or 0) - 1]
    assert "limit_req " in line


def test_an_edited_file_is_followed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "nginx", tmp_path / "nginx")
    predict, limits = (
        tmp_path / "nginx" / name for name in ("snippets/predict.conf", "conf.d/limits.conf")
    )
    predict.write_text(predict.read_text().replace("burst=20 nodelay", "burst=5"))
    limits.write_text(limits.read_text().replace("rate=10r/s", "rate=30r/m"))
    found = find_limit(tmp_path, "/predict?x=1")
    assert found is not None
    assert (found.rate, found.at_once, found.delayed) == (0.5, 6, True)


def test_nearer_levels_win_and_the_default_status_is_that_of_nginx(tmp_path: Path) -> None:
    text = ZONE.format(name="a", rate="1r/s") + ZONE.format(name="b", rate="2r/s")
    text += "limit_req zone=a burst=1;"
    text += SERVER.format(server="limit_req zone=b burst=2 nodelay;", location="")
    found = find_limit(written(tmp_path, text), "/p")
    assert found is not None
    assert (found.rate, found.burst, found.status) == (2.0, 2, 503)


def test_of_several_limits_the_tightest_counts(tmp_path: Path) -> None:
    text = ZONE.format(name="a", rate="1r/s") + ZONE.format(name="b", rate="2r/s")
    text += SERVER.format(server="", location="limit_req zone=a burst=9; limit_req zone=b burst=3;")
    found = find_limit(written(tmp_path, f"http {{ {text} }}"), "/p")
    assert found is not None
    assert found.burst == 3


def test_no_limit_is_none(tmp_path: Path) -> None:
    assert find_limit(written(tmp_path, SERVER.format(server="", location="")), "/p") is None


@pytest.mark.parametrize(
    ("zone", "rule", "said"),
    [
        (ZONE.format(name="a", rate="0r/s"), "limit_req zone=a;", "usable rate"),
        (ZONE.format(name="a", rate="fast"), "limit_req zone=a;", "usable rate"),
        (ZONE.format(name="b", rate="1r/s"), "limit_req zone=a;", "declares the zone 'a'"),
        (ZONE.format(name="a", rate="1r/s"), "limit_req zone=a burst=x;", "bad burst"),
        (ZONE.format(name="a", rate="1r/s"), "limit_req burst=1;", "without a zone"),
    ],
)
def test_what_cannot_be_understood_names_the_line(
    tmp_path: Path, zone: str, rule: str, said: str
) -> None:
    text = f"{zone}\n{SERVER.format(server='', location=rule)}"
    with pytest.raises(TopologyError, match=rf"nginx/a\.conf:[12]: .*{said}"):
        find_limit(written(tmp_path, text), "/p")


def test_another_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TopologyError, match="location = /other"):
        find_limit(written(tmp_path, SERVER.format(server="", location="")), "/other")


@given(st.integers(1, 200), st.integers(0, 50), st.integers(1, 300), st.floats(0, 1e9))
def test_of_a_simultaneous_burst_burst_and_one_pass(
    rate: int, burst: int, count: int, at: float
) -> None:
    passed = limit(rate, burst).passes([at] * count)
    assert sum(passed) == min(count, burst + 1)
    assert passed == sorted(passed, reverse=True)  # the first ones


@given(st.integers(1, 100), st.integers(0, 30), st.lists(st.floats(0, 2), min_size=1, max_size=200))
def test_never_more_than_the_burst_and_what_the_rate_allows(
    rate: int, burst: int, gaps: list[float]
) -> None:
    times = [sum(gaps[: index + 1]) for index in range(len(gaps))]
    bucket = limit(rate, burst)
    passed = [time for time, ok in zip(times, bucket.passes(times), strict=True) if ok]
    assert passed[0] == times[0]
    for index, begun in enumerate(passed):
        within = [time for time in passed[index:] if time <= begun + 1.0]
        # 2 ms: each end of the window is rounded to whole milliseconds.
        assert len(within) <= burst + 1 + rate * 1.002


@given(st.integers(1, 100), st.integers(0, 30))
def test_at_the_rate_itself_everything_passes(rate: int, burst: int) -> None:
    gap = 1 / rate + 0.001  # whole milliseconds
    assert all(limit(rate, burst).passes(number * gap for number in range(100)))
