"""The follower: each complete good line exactly once, whatever happens to the file."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway import open_log
from gateway.follow import Follower, Position
from tests.gateway.access_lines import line, rotate

SHORT_LIMIT = 3000
"""MAX_LINE_BYTES for the machine below, so that it meets lines that are too long."""


def ids(follower: Follower, max_bytes: int = 1 << 20) -> list[str]:
    """Request ids of everything there is to read."""
    found = [access.request_id for access in follower.read(max_bytes)]
    while not follower.caught_up:
        found += [access.request_id for access in follower.read(max_bytes)]
    return found


def stored(position: Position | None) -> Position | None:
    """A position after it has been a file."""
    if position is None:
        return None
    return Position.from_json(json.loads(json.dumps(position.to_json())))


def append(path: Path, *texts: bytes) -> None:
    with path.open("ab") as file:
        file.write(b"".join(texts))


def entry(request_id: str) -> bytes:
    return line(request_id=request_id) + b"\n"


def open_files() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


class Log(RuleBasedStateMachine):
    """nginx, log rotation, a reader and its crashes, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "access.jsonl"
        self.limit = open_log.MAX_LINE_BYTES
        open_log.MAX_LINE_BYTES = SHORT_LIMIT
        self.writer: int | None = None
        self.queue = b""
        self.in_line = False
        self.written = 0
        self.bad_written = 0
        self.follower = Follower(self.path)
        self.delivered: list[str] = []
        self.bad_before = 0
        self.kept: tuple[Position | None, int, int] = (None, 0, 0)

    def teardown(self) -> None:
        try:
            self.reopen()
            self.write_out(len(self.queue))
            self.drain()
            assert sorted(self.delivered) == sorted(f"{n:032d}" for n in range(self.written))
            assert self.bad == self.bad_written
        finally:
            open_log.MAX_LINE_BYTES = self.limit
            self.follower.close()
            if self.writer is not None:
                os.close(self.writer)
            shutil.rmtree(self.folder)

    @property
    def bad(self) -> int:
        return self.bad_before + self.follower.bad_lines

    @property
    def moved(self) -> bool:
        """Whether nginx still writes to a file that has been renamed."""
        if self.writer is None:
            return False
        return not self.path.exists() or self.path.stat().st_ino != os.fstat(self.writer).st_ino

    def drain(self) -> None:
        self.delivered += ids(self.follower)

    def keep(self) -> None:
        self.kept = (stored(self.follower.position), len(self.delivered), self.bad)

    def write_out(self, size: int) -> None:
        data, self.queue = self.queue[:size], self.queue[size:]
        if data:
            assert self.writer is not None
            os.write(self.writer, data)
            self.in_line = not data.endswith(b"\n")

    def finish_line(self) -> None:
        """nginx writes each line at once, to one file."""
        if self.in_line:
            self.write_out(self.queue.index(b"\n") + 1)

    def know_the_file(self, *, also_empty: bool) -> None:
        """Before a rotation: the reader, and the stored position, must have seen this file.

        From None they start at the present file, by intention; and a file that was (nearly)
        empty when it was last seen is found again by its inode only, so not in a copy.
        """
        for position in (self.follower.position, self.kept[0]):
            unseen = position is None or (
                not also_empty
                and position.head_length < open_log.HEAD_BYTES
                and position.inode == self.path.stat().st_ino
            )
            if unseen:
                self.drain()
                self.keep()

    @initialize(exists=st.booleans())
    def begin(self, exists: bool) -> None:
        if exists:
            self.reopen()

    @rule(kinds=st.lists(st.sampled_from(["good", "good", "good", "bad", "blank", "long"])))
    def request(self, kinds: list[str]) -> None:
        for kind in kinds:
            if kind == "good":
                self.queue += entry(f"{self.written:032d}")
                self.written += 1
                continue
            self.bad_written += 1
            number = f"bad-{self.bad_written}"  # no two files start alike
            bad = {
                "bad": f'{{"request_id":"{number}"'.encode(),
                "blank": b"",
                "long": line(request_id=number, uri="x" * SHORT_LIMIT),
            }
            self.queue += bad[kind] + b"\n"

    @precondition(lambda self: self.writer is not None)
    @rule(size=st.integers(1, 2500))
    def write(self, size: int) -> None:
        self.write_out(size)

    @rule()
    def reopen(self) -> None:
        self.finish_line()
        if self.writer is not None:
            os.close(self.writer)
        self.writer = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    @precondition(lambda self: self.writer is not None and not self.moved)
    @rule(reopened_by_master=st.booleans())
    def rotate_by_renaming(self, reopened_by_master: bool) -> None:
        self.know_the_file(also_empty=True)
        rotate(self.path)
        if reopened_by_master:
            self.path.touch()

    @precondition(lambda self: self.writer is not None and not self.moved)
    @rule()
    def rotate_by_copying(self) -> None:
        self.finish_line()
        if 0 < self.path.stat().st_size < open_log.HEAD_BYTES:
            return
        self.know_the_file(also_empty=False)
        content = self.path.read_bytes()
        inode = self.path.stat().st_ino
        first = rotate(self.path)
        first.rename(self.path)
        first.write_bytes(content)
        assert self.path.stat().st_ino == inode
        os.truncate(self.path, 0)

    @rule(max_bytes=st.integers(1, 5000))
    def read(self, max_bytes: int) -> None:
        self.delivered += [access.request_id for access in self.follower.read(max_bytes)]

    @rule()
    def read_everything(self) -> None:
        self.drain()

    @rule()
    def store(self) -> None:
        self.keep()

    @rule()
    def restart(self) -> None:
        self.keep()
        self.crash()

    @rule()
    def crash(self) -> None:
        """What was delivered after the position was stored is forgotten with it."""
        position, delivered, self.bad_before = self.kept
        del self.delivered[delivered:]
        self.follower.close()
        self.follower = Follower(self.path, position)

    @invariant()
    def nothing_twice(self) -> None:
        assert len(set(self.delivered)) == len(self.delivered)


TestLog = Log.TestCase
TestLog.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


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
    append(path, whole[20:])
    assert ids(follower) == ["b"]
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
    append(path, entry("a"))
    assert ids(follower) == ["a"]
    path.rename(path.with_name("access.jsonl.1"))
    os.utime(path.with_name("access.jsonl.1"), (1, 1))
    append(path, entry("b"))
    assert ids(follower) == ["b"]
    append(path, entry("c"))
    path.rename(path.with_name("access.jsonl.2"))
    append(path, entry("d"))
    assert ids(Follower(path, stored(follower.position))) == ["c", "d"]


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
