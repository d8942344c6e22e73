"""The last minutes of a log: all lines since a time, whatever was rotated, and never too much."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import log_tail
from gateway.accesslog import parse
from gateway.log_tail import read_tail
from tests.gateway.access_lines import line, rotate

START = 1_732_341_600.0


def write(path: Path, first: int, last: int) -> None:
    """A line for each second from `first` to `last`."""
    lines = [line(time=f"{START + at:.3f}", request_id=f"r-{at}") for at in range(first, last + 1)]
    with path.open("ab") as file:
        file.writelines(each + b"\n" for each in lines)


def ids(path: Path, since: int) -> list[str]:
    tail = read_tail(path, START + since, parse)
    assert tail.complete
    return [access.request_id for access in tail.lines]


@pytest.fixture(params=[1 << 20, 700, 100])
def log(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log that is read in blocks of several lines, of one line, of less than one."""
    monkeypatch.setattr(log_tail, "_BLOCK_BYTES", request.param)
    return tmp_path / "access.jsonl"


def test_everything_since_then_is_read(log: Path) -> None:
    write(log, 0, 60)
    assert ids(log, 57) == ["r-57", "r-58", "r-59", "r-60"]
    assert ids(log, -5) == [f"r-{at}" for at in range(61)]
    assert ids(log, 61) == []


def test_also_from_what_was_rotated(log: Path) -> None:
    write(log, 0, 20)
    rotate(log)
    write(log, 21, 40)
    rotate(log)
    write(log, 41, 45)
    assert ids(log, 19) == [f"r-{at}" for at in range(19, 46)]


def test_a_log_that_was_rotated_away_a_moment_ago(log: Path) -> None:
    assert ids(log, 0) == []
    write(log, 0, 5)
    rotate(log)
    assert ids(log, 4) == ["r-4", "r-5"]


def test_lines_of_two_workers_need_not_be_in_order(log: Path) -> None:
    write(log, 0, 10)
    write(log, 12, 12)
    write(log, 11, 11)
    write(log, 13, 20)
    assert ids(log, 12) == ["r-12", *(f"r-{at}" for at in range(13, 21))]


def test_what_is_no_line_is_left_out(log: Path) -> None:
    write(log, 0, 5)
    with log.open("ab") as file:
        file.write(b"torn\n" + b'{"time":"1732341606.000","but":"no more"}\n')
    write(log, 7, 7)
    with log.open("ab") as file:
        file.write(line(time=f"{START + 8:.3f}")[:60])
    assert ids(log, 5) == ["r-5", "r-7"]


def test_a_log_that_is_too_long_says_so(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(log, 0, 100)
    monkeypatch.setattr(log_tail, "MAX_BYTES", 5_000)
    tail = read_tail(log, START, parse)
    assert not tail.complete
    found = [access.request_id for access in tail.lines]
    assert 3 < len(found) < 30
    assert found == [f"r-{at}" for at in range(101 - len(found), 101)]
