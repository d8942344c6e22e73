"""Keeps the decisions of rollouts: var/rollout/decisions.jsonl, to which lines are only added.

What the file says is the state. A decision is on the disk before it is carried out, and a second
line says that it has been: whoever is killed in between finds it pending and carries it
out again, which changes nothing where it had been done.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gateway import plain_json
from gateway.errors import ConfigurationError
from rollout.observe import Observations
from rollout.plan import Plan
from rollout.record import Entry
from rollout.state import ENGINE, Action, Command, Decision, Facts, State

FOLDER: Final = Path("var/rollout")
FILE: Final = FOLDER / "decisions.jsonl"
TORN: Final = FOLDER / "decisions.torn"
_LOCK: Final = FOLDER / ".lock"


class StoreError(ConfigurationError):
    """The decision log cannot be used; the text says what to do."""


class Busy(StoreError):
    """Another engine has the log."""


@dataclass(frozen=True, slots=True)
class Log:
    """What a decision log holds."""

    entries: tuple[Entry, ...]
    lines: int
    """Including those that say that a decision was carried out."""
    pending: Entry | None
    """The last decision, if nothing says that it was carried out."""
    torn: bytes = b""
    """A last line that was not written to its end."""

    @property
    def state(self) -> State | None:
        """Where the last rollout is; None: there has been none."""
        return self.entries[-1].decision.after if self.entries else None


def read_log(root: Path) -> Log:
    """The decisions so far, without a lock: for whoever only looks. Raises StoreError, OSError."""
    try:
        data = (root / FILE).read_bytes()
    except FileNotFoundError:
        data = b""
    lines = data.split(b"\n")
    torn = lines.pop()  # nothing, where the last line has its end
    entries: list[Entry] = []
    pending: Entry | None = None
    for number, line in enumerate(lines, 1):
        value = _value(line)
        if value is None and number == len(lines) and not torn:
            # Some file systems have the length on the disk before the content.
            return Log(tuple(entries), number - 1, pending, line + b"\n")
        try:
            if value is None or value["seq"] != number:
                raise ValueError(f"no line with seq {number}")
            if value["kind"] == "applied":
                if pending is None or value["of"] != pending.seq:
                    raise ValueError("carried out what was not decided")
                pending = None
            else:
                pending = Entry.from_json(value)
                entries.append(pending)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            fix = f"restore the line, or move {FILE} away to begin without a history"
            raise StoreError(f"{FILE}:{number}", f"damaged ({error})", fix) from None
    return Log(tuple(entries), len(lines), pending, torn)


class Store:
    """The log in the hands of the one engine that writes it."""

    def __init__(self, root: Path, log: Log, descriptor: int) -> None:
        self._root = root
        self._descriptor = descriptor
        self.log = log

    @property
    def state(self) -> State | None:
        """Where the rollout is."""
        return self.log.state

    @property
    def pending(self) -> Entry | None:
        """The decision that is still to be carried out, perhaps again."""
        return self.log.pending

    def decided(
        self,
        decision: Decision,
        seen: Observations,
        facts: Facts,
        plan: Plan,
        now: float,
        actor: str = ENGINE,
        command: Command | None = None,
    ) -> Entry:
        """Write a decision down; when this returns, it is on the disk. Raises OSError.

        Raises ValueError for one to wait: it changes nothing, and would fill the log.
        """
        if decision.action is Action.WAIT:
            raise ValueError("to wait is not stored")
        log = self.log
        begins = log.state is None or (log.state.ended and not decision.after.ended)
        before = None if begins else log.state
        seq = log.lines + 1
        entry = Entry(seq, now, actor, command, before, decision, seen, facts, plan)
        self._append(entry.to_json())
        self.log = Log((*log.entries, entry), seq, entry)
        return entry

    def applied(self, entry: Entry, now: float) -> None:
        """Note that a decision has been carried out. Raises OSError."""
        seq = self.log.lines + 1
        self._append({"seq": seq, "time": now, "kind": "applied", "of": entry.seq})
        self.log = Log(self.log.entries, seq, None)

    def _append(self, value: dict[str, Any]) -> None:
        data = (json.dumps(value, separators=(",", ":"), allow_nan=False) + "\n").encode()
        before = os.fstat(self._descriptor).st_size
        try:
            written = os.write(self._descriptor, data)
            if written != len(data):
                raise OSError(f"{FILE}: the disk took {written} of {len(data)} bytes")
            os.fsync(self._descriptor)
        except OSError:
            # Half a line in the middle would be damage.
            os.ftruncate(self._descriptor, before)
            raise


@contextmanager
def open_store(root: Path) -> Iterator[Store]:
    """The log for writing; a torn last line is moved aside (store.log.torn says so).

    Raises Busy while another process has it, StoreError where it is damaged, OSError.
    """
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(lock, 20, 0).decode(errors="replace").strip() or "unknown"
            problem = f"another rollout engine runs (pid {owner})"
            raise Busy(str(FILE), problem, "use that one, or stop it first") from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        log = read_log(root)
        descriptor = os.open(
            root / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644
        )
        try:
            if log.torn:
                _set_aside(root, log.torn)
                os.ftruncate(descriptor, os.fstat(descriptor).st_size - len(log.torn))
                os.fsync(descriptor)
            _sync_folder(folder)
            yield Store(root, log, descriptor)
        finally:
            os.close(descriptor)
    finally:
        os.close(lock)


def _value(line: bytes) -> dict[str, Any] | None:
    try:
        value = plain_json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _set_aside(root: Path, torn: bytes) -> None:
    with (root / TORN).open("ab") as file:
        file.write(torn.removesuffix(b"\n") + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """So that the name of a new file survives a power cut, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
