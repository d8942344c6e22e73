"""What a rollout and the canary keep on the disk."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict
from pathlib import Path

from dashboard.events import RolloutState
from dashboard.glyphs import UNICODE
from dashboard.lines import plain
from dashboard.model import Model
from dashboard.rollout_explain_lines import explanation_lines
from dashboard.rollout_lines import rollout
from dashboard.rollout_text import explain_lines, status_lines
from dashboard.sources.rollout import STATUS, engine_lives, read_status
from dashboard.view import View
from gateway.canary import ACTIVE, CanaryError, Experiment, read_experiment, write_experiment
from gateway.rollout_metrics import rollout_families
from rollout import bookmark, mailbox
from rollout.bookmark import Bookmark
from rollout.command import obey
from rollout.decide import begin, decide
from rollout.record import Entry, explain
from rollout.state import ENGINE, Command
from rollout.status import Status, in_short
from rollout.store import FILE, StoreError, read_log
from tests.fuzz.target import Run, Target, check
from tests.rollout.worlds import BROKEN, FACTS, PLAN, START, seen, state

NOW = START + 200.0
VIEW = View(80, 24, UNICODE)


def decisions(root: Path) -> Run:
    """Each decision can be written again, and taken again."""
    (root / FILE).parent.mkdir(parents=True)

    def run(data: bytes) -> None:
        (root / FILE).write_bytes(data)
        try:
            log = read_log(root)
        except StoreError:
            return
        for entry in log.entries:
            kept = json.dumps(entry.to_json(), allow_nan=False, ensure_ascii=False).encode()
            check(Entry.from_json(json.loads(kept)) == entry, "a decision that the log changes")
            found = explain(entry)
            explain_lines(found)
            _printable(explanation_lines(found, VIEW))

    return run


def status(root: Path) -> Run:
    """What an engine said is shown by the screen, by the command and as metrics."""
    (root / STATUS).parent.mkdir(parents=True)
    (root / STATUS.with_name(".lock")).touch()

    def run(data: bytes) -> None:
        (root / STATUS).write_bytes(data)
        with contextlib.suppress(ValueError):
            list(rollout_families(root))
        try:
            found = read_status(root)
        except ValueError:
            return
        check(found is not None, "a file that is there")
        assert found is not None
        kept = json.dumps(found.to_json(), allow_nan=False, ensure_ascii=False).encode()
        check(Status.from_json(json.loads(kept)) == found, "a status that JSON changes")
        engine_lives(root, found.pid)
        status_lines(found, True, NOW)
        model = Model()
        model.apply(RolloutState(NOW, found, True))
        _printable(rollout(model, VIEW, NOW, None, "").lines)

    return run


def canary(root: Path) -> Run:
    """The state of the gateway beside the files that it stands for."""
    write_experiment(root, Experiment(weight=5, shadow=10))
    file = root / ACTIVE / "state.json"

    def run(data: bytes) -> None:
        file.write_bytes(data)
        try:
            found = read_experiment(root)
        except CanaryError:
            return
        check(found == Experiment(weight=5, shadow=10), "not what the files say")

    return run


def commands(root: Path) -> Run:
    """What is put into the mailbox of the engine, and the bookmark that it leaves itself."""
    (root / mailbox.COMMANDS).mkdir(parents=True)

    def run(data: bytes) -> None:
        (root / mailbox.COMMANDS / "1-0.json").write_bytes(data)
        for order in mailbox.take(root, NOW):
            check(order.command == mailbox.START or order.command in list(Command), "a command")
        (root / bookmark.FILE).write_bytes(data)
        found = bookmark.load(root)
        if found is not None:
            kept = json.dumps(found.to_json(), allow_nan=False)
            check(Bookmark.from_json(json.loads(kept)) == found, "a bookmark that JSON changes")

    return run


def _printable(lines: object) -> None:
    assert isinstance(lines, list | tuple)
    for line in lines:
        plain(line).encode()


def _entries() -> list[Entry]:
    first = begin(PLAN, FACTS, START)
    at = state(weight=25)
    rolled = decide(PLAN, at, FACTS, seen(25, failed=BROKEN), NOW)
    paused = obey(PLAN, at, FACTS, seen(25), NOW, Command.PAUSE)
    return [
        Entry(1, START, "anna", None, None, first, seen(0), FACTS, PLAN),
        Entry(3, NOW, ENGINE, None, at, rolled, seen(25, failed=BROKEN), FACTS, PLAN),
        Entry(4, NOW, "anna", Command.PAUSE, at, paused, seen(25), FACTS, PLAN),
    ]


def _decision_seeds() -> list[bytes]:
    applied = {"seq": 2, "time": START, "kind": "applied", "of": 1}
    first, *others = (entry.to_json() for entry in _entries())
    lines = [json.dumps(value) + "\n" for value in (first, applied, *others)]
    return ["".join(lines[:n]).encode() for n in range(1, len(lines) + 1)]


def _status_seeds() -> list[bytes]:
    said = tuple(map(in_short, _entries()))
    found = [
        Status(NOW, 4711, START, None, seen(0), FACTS, PLAN),
        Status(NOW, 4711, START, state(weight=25), seen(25), FACTS, PLAN, said, "a problem"),
    ]
    return [json.dumps(each.to_json()).encode() for each in found]


def _command_seeds() -> list[bytes]:
    order = {"command": "pause", "actor": "anna", "time": NOW, "policy": None}
    left = Bookmark(START, START).to_json()
    return [json.dumps(value).encode() for value in (order, left)]


DECISIONS = Target(decisions, _decision_seeds, json=True)
STATUS_FILE = Target(status, _status_seeds, json=True)
CANARY = Target(
    canary, lambda: [json.dumps(asdict(Experiment(weight=5, shadow=10))).encode()], json=True
)
COMMANDS = Target(commands, _command_seeds, json=True)
