"""The follower against nginx, log rotation and crashes in any order."""

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway import open_log
from gateway.follow import Follower, Position
from tests.gateway.access_lines import line, rotate
from tests.gateway.follower_steps import entry, ids, stored

SHORT_LIMIT = 3000
"""MAX_LINE_BYTES for the machine below, so that it meets lines that are too long."""


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
TestLog.settings = settings(max_examples=100, stateful_step_count=30)
