"""The follower: each complete good line exactly once, whatever happens to the file."""

import os
from pathlib import Path

import pytest

from gateway import open_log
from gateway.follow import Follower, Position
from tests.gateway.access_lines import line, rotate
from tests.gateway.follower_steps import append, entry, ids, stored


def open_files() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "access.jsonl"


def test_a_log_that_does_not_exist_yet(path: Path) -> None:
    follower = Follower(path)
    assert ids(follower) == []
    assert follower.position is None
    append(path, entry("a"))
    assert ids(follower) == ["a"]


def test_neither_does_its_folder(tmp_path: Path) -> None:
    follower = Follower(tmp_path / "logs" / "access.jsonl", Position(1, 2, 3, 4))
    assert ids(follower) == []
    assert follower.position == Position(1, 2, 3, 4)


def test_a_torn_line_waits_for_its_rest(path: Path) -> None:
    follower = Follower(path)
    whole = entry("a")
    append(path, whole[:100])
    assert ids(follower) == []
    append(path, whole[100:-1])
    assert ids(follower) == []
    append(path, b"\n")
    assert ids(follower) == ["a"]
    assert follower.bad_lines == 0


def test_a_torn_line_is_read_again_after_a_restart(path: Path) -> None:
    follower = Follower(path)
    whole = entry("b")
    append(path, entry("a"), whole[:50])
    assert ids(follower) == ["a"]
    append(path, whole[50:])
    assert ids(Follower(path, stored(follower.position))) == ["b"]


def test_memory_is_bounded_by_what_is_asked_for(path: Path) -> None:
    size = len(entry("a"))
    append(path, *[entry("a")] * 1000)
    follower = Follower(path)
    assert len(follower.read(10 * size)) == 10
    assert not follower.caught_up
    assert len(follower.read(10 * size + 5)) == 10
    assert len(ids(follower)) == 980


def test_a_line_of_more_than_a_mebibyte_is_bad_and_not_kept(path: Path) -> None:
    follower = Follower(path)
    for _ in range(3):
        append(path, b"x" * (open_log.MAX_LINE_BYTES - 1))
        assert ids(follower) == []
    assert max(len(log._torn) for log in follower._logs) < open_log.MAX_LINE_BYTES
    assert follower.bad_lines == 0, "it is counted once, when it ends"
    append(path, b"\n", entry("a"))
    assert ids(follower) == ["a"]
    assert follower.bad_lines == 1


@pytest.mark.parametrize("excess", [0, 1])
@pytest.mark.parametrize("max_bytes", [100_000, 10 << 20])
def test_the_limit_does_not_depend_on_how_much_is_read(
    path: Path, excess: int, max_bytes: int
) -> None:
    frame = line(uri="")
    append(path, line(uri="x" * (open_log.MAX_LINE_BYTES - len(frame) + excess)), b"\n")
    follower = Follower(path)
    assert len(ids(follower, max_bytes)) == 1 - excess
    assert follower.bad_lines == excess


def test_a_file_cut_short_is_not_counted_again(path: Path) -> None:
    follower = Follower(path)
    append(path, *(entry(name) for name in "abc"))
    assert ids(follower) == ["a", "b", "c"]
    os.truncate(path, len(entry("a")) + 20)
    assert ids(follower) == []
    append(path, entry("d"))
    assert ids(follower) == ["d"]


def test_a_torn_line_cut_short_can_still_be_completed(path: Path) -> None:
    follower = Follower(path)
    whole = entry("b")
    append(path, entry("a"), whole[:60])
    assert ids(follower) == ["a"]
    os.truncate(path, len(entry("a")) + 20)
    assert ids(follower) == []
    append(path, entry("c")[20:])
    assert ids(follower) == ["c"]
    assert follower.bad_lines == 0


def test_a_file_cut_short_while_down_is_not_counted_again(path: Path) -> None:
    follower = Follower(path)
    append(path, *(entry(name) for name in "abc"))
    assert ids(follower) == ["a", "b", "c"]
    os.truncate(path, len(entry("a")))
    later = Follower(path, stored(follower.position))
    assert ids(later) == []
    append(path, entry("d"))
    assert ids(later) == ["d"]


@pytest.mark.parametrize("size", [1, 5], ids=["smaller", "larger"])
def test_a_file_written_anew_in_place_is_read_from_its_start(path: Path, size: int) -> None:
    """Larger than before: only its first bytes tell."""
    follower = Follower(path)
    append(path, entry("a"), entry("b"))
    assert ids(follower) == ["a", "b"]
    inode = path.stat().st_ino
    names = [f"new-{number}" for number in range(size)]
    path.write_bytes(b"".join(entry(name) for name in names))
    assert path.stat().st_ino == inode
    assert ids(follower) == names


def test_a_new_file_with_the_inode_of_the_old_one(path: Path) -> None:
    append(path, entry("a"))
    follower = Follower(path)
    assert ids(follower) == ["a"]
    position = stored(follower.position)
    assert position is not None
    follower.close()
    path.write_bytes(b"".join(entry(name) for name in "bcd"))
    assert position.inode == path.stat().st_ino
    assert ids(Follower(path, position)) == ["b", "c", "d"]


def test_rotations_while_down_are_finished_in_order(path: Path) -> None:
    follower = Follower(path)
    append(path, entry("a"))
    assert ids(follower) == ["a"]
    append(path, entry("b"))
    rotate(path)
    append(path, entry("c"))
    rotate(path)
    append(path, entry("d"))
    assert ids(Follower(path, stored(follower.position))) == ["b", "c", "d"]


def test_files_numbered_upwards_are_not_counted_twice(path: Path) -> None:
    """mv access.jsonl access.jsonl.1, later mv access.jsonl access.jsonl.2."""
    follower = Follower(path)
    for number in range(1, 4):
        append(path, line(time=f"{number}.000", request_id=f"{number}") + b"\n")
        assert ids(follower) == [f"{number}"]
        path.rename(path.with_name(f"access.jsonl.{number}"))
    append(path, entry("last"))
    assert ids(Follower(path, stored(follower.position))) == ["last"]
    assert ids(follower) == ["last"]


def test_a_log_first_copied_and_truncated_and_then_renamed(path: Path) -> None:
    append(path, entry("a"))
    follower = Follower(path)
    assert ids(follower) == ["a"]
    append(path, entry("b"))
    path.with_name("access.jsonl.1").write_bytes(path.read_bytes())
    os.truncate(path, 0)
    append(path, entry("c"))
    rotate(path)
    append(path, entry("d"))
    assert ids(follower) == ["b", "c", "d"]
    assert follower.bad_lines == 0


def test_older_files_are_never_read(path: Path) -> None:
    append(path, entry("old"))
    rotate(path)
    append(path, entry("a"))
    follower = Follower(path)
    assert ids(follower) == ["a"]
    assert ids(Follower(path, stored(follower.position))) == []


def test_a_rotated_file_that_is_gone_does_not_stop_the_new_one(path: Path) -> None:
    follower = Follower(path)
    append(path, entry("a"))
    assert ids(follower) == ["a"]
    rotate(path).unlink()
    append(path, entry("b"))
    assert ids(Follower(path, stored(follower.position))) == ["b"]


def test_what_a_worker_still_writes_to_the_renamed_file_is_read(path: Path) -> None:
    append(path, entry("a"))
    follower = Follower(path)
    assert ids(follower) == ["a"]
    old = rotate(path)
    append(path, entry("c"))
    assert ids(follower) == ["c"]
    append(old, entry("b"))
    position = stored(follower.position)
    assert ids(follower) == ["b"]
    assert ids(Follower(path, position)) == ["b"]


def test_no_more_than_two_files_stay_open(path: Path) -> None:
    follower = Follower(path)
    before = open_files()
    for number in range(5):
        append(path, entry(str(number)))
        assert ids(follower) == [str(number)]
        rotate(path)
    append(path, entry("last"))
    assert ids(follower) == ["last"]
    assert open_files() == before + 2
    rotate(path)
    for found in open_log.rotated(path):
        found.unlink()
    append(path, entry("new"))
    assert ids(follower) == ["new"]
    ids(follower)
    assert open_files() == before + 1
    follower.close()
    assert open_files() == before


def test_an_unfinished_line_at_the_end_of_a_lost_file_is_bad(path: Path) -> None:
    follower = Follower(path)
    append(path, entry("a"), b'{"time":')
    assert ids(follower) == ["a"]
    path.unlink()
    append(path, entry("b"))
    assert ids(follower) == ["b"]
    assert follower.bad_lines == 1


def test_an_unfinished_line_of_a_file_written_anew_is_bad(path: Path) -> None:
    follower = Follower(path)
    append(path, entry("a"), b'{"time":')
    assert ids(follower) == ["a"]
    path.write_bytes(entry("b"))
    assert ids(follower) == ["b"]
    assert follower.bad_lines == 1


def test_a_log_that_cannot_be_read_says_so_and_comes_back(path: Path) -> None:
    os.mkfifo(path)
    follower = Follower(path)
    with pytest.raises(OSError, match="not a regular file"):
        follower.read()
    path.unlink()
    append(path, entry("a"))
    assert ids(follower) == ["a"]


def test_what_was_read_before_an_error_is_delivered(path: Path) -> None:
    follower = Follower(path)
    append(path, entry("a"))
    assert ids(follower) == ["a"]
    append(path, entry("b"))
    rotate(path)
    path.mkdir()
    assert [access.request_id for access in follower.read()] == ["b"]
    assert not follower.caught_up
    path.rmdir()
    append(path, entry("c"))
    assert ids(follower) == ["c"]


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"inode": 1, "offset": -1, "head_length": 0, "head_checksum": 0},
        {"inode": 1, "offset": 0, "head_length": 0, "head_checksum": True},
        {"inode": 1, "offset": 0, "head_length": 0, "head_checksum": 0, "before": 3},
    ],
)
def test_what_is_no_position_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="position"):
        Position.from_json(value)
