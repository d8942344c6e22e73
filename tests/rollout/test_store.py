"""The decision log: nothing is lost or done twice, whenever the engine is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from rollout import store as store_module
from rollout.command import obey
from rollout.decide import begin, decide
from rollout.record import explain
from rollout.state import Command, Phase, State
from rollout.store import FILE, TORN, Busy, Store, StoreError, open_store, read_log
from tests.rollout.worlds import BROKEN, FACTS, PLAN, START, seen

SCHEMA = json.loads(
    (Path(store_module.__file__).parent / "decisions.schema.json").read_text(encoding="utf-8")
)
REPOSITORY = Path(store_module.__file__).parents[1]


def start(store: Store, now: float = START) -> None:
    entry = store.decided(begin(PLAN, FACTS, now), seen(0), FACTS, PLAN, now, actor="anna")
    store.applied(entry, now)


def go_on(store: Store, now: float, apply: bool = True, **changes: object) -> None:
    at = store.state
    assert at is not None
    observed = replace(
        seen(at.weight),
        warm_at=at.changed + 30,
        last_request=now,
        **changes,  # type: ignore[arg-type]
    )
    decision = decide(PLAN, at, FACTS, observed, now)
    entry = store.decided(decision, observed, FACTS, PLAN, now)
    if apply:
        store.applied(entry, now)


def whole(root: Path) -> None:
    """To 25 %, paused, resumed, rolled back; then another one begins."""
    with open_store(root) as store:
        start(store)
        for number in range(1, 4):
            go_on(store, START + 200 * number)
        for number, command in enumerate((Command.PAUSE, Command.RESUME)):
            at, now = store.state, START + 1000 + number
            assert at is not None
            decision = obey(PLAN, at, FACTS, seen(25), now, command)
            entry = store.decided(decision, seen(25), FACTS, PLAN, now, "anna", command)
            store.applied(entry, now)
        go_on(store, START + 1100, failed=BROKEN)
        start(store, START + 2000)


def test_the_state_is_what_the_log_says(tmp_path: Path) -> None:
    assert read_log(tmp_path).state is None
    whole(tmp_path)
    log = read_log(tmp_path)
    phases = [(entry.decision.after.phase, entry.decision.after.weight) for entry in log.entries]
    assert phases == [
        (Phase.BASELINE, 0),
        (Phase.SHADOW, 0),
        (Phase.STEP, 5),
        (Phase.STEP, 25),
        (Phase.HOLD, 25),
        (Phase.STEP, 25),
        (Phase.ROLLED_BACK, 0),
        (Phase.BASELINE, 0),
    ]
    assert log.state == log.entries[-1].decision.after
    assert log.pending is None
    assert [entry.before for entry in log.entries[1:-1]] == [
        entry.decision.after for entry in log.entries[:-2]
    ]
    assert log.entries[-1].before is None
    with open_store(tmp_path) as store:
        assert store.state == log.state


def test_every_line_fits_the_schema(tmp_path: Path) -> None:
    whole(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / FILE).read_bytes().splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, 17))
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for value in lines:
        validator.validate(value)
        broken = {**value, "kind": "other"}
        assert not validator.is_valid(broken)


def test_killed_at_any_byte_the_log_is_a_beginning_of_itself(tmp_path: Path) -> None:
    whole(tmp_path)
    data = (tmp_path / FILE).read_bytes()
    entire = read_log(tmp_path)
    ends = [number for number, byte in enumerate(data) if byte == ord("\n")]
    cuts = {0, 1, *ends, *(end + 1 for end in ends), *range(7, len(data), 997)}
    for cut in sorted(cuts):
        root = tmp_path / f"cut-{cut}"
        (root / FILE).parent.mkdir(parents=True)
        (root / FILE).write_bytes(data[:cut])
        lines = data[:cut].count(b"\n")
        with open_store(root) as store:
            assert store.log.lines == lines
            assert store.log.entries == entire.entries[: (lines + 1) // 2]
            # A decision without the line that says that it was carried out.
            assert (store.pending is not None) == (lines % 2 == 1)
            torn = data[:cut].rpartition(b"\n")[2]
            assert store.log.torn == torn
            assert (root / TORN).exists() == bool(torn)
            if store.pending is not None:
                store.applied(store.pending, START)
        again = read_log(root)
        assert (again.torn, again.pending) == (b"", None)


def test_a_last_line_of_nothing_is_torn_too(tmp_path: Path) -> None:
    whole(tmp_path)
    with (tmp_path / FILE).open("ab") as file:
        file.write(b"\0" * 40 + b"\n")
    with open_store(tmp_path) as store:
        assert store.log.torn == b"\0" * 40 + b"\n"
        assert store.log.lines == 16
    assert (tmp_path / TORN).read_bytes() == b"\0" * 40 + b"\n"
    assert read_log(tmp_path).lines == 16


@pytest.mark.parametrize("damage", ["drop", "edit", "garbage", "twice", "applied"])
def test_damage_in_the_middle_is_refused(tmp_path: Path, damage: str) -> None:
    whole(tmp_path)
    lines = (tmp_path / FILE).read_bytes().splitlines(keepends=True)
    match damage:
        case "drop":
            del lines[4]
        case "edit":
            lines[4] = lines[4].replace(b'"action":', b'"auction":')
        case "garbage":
            lines[4] = b"{}\n"
        case "twice":
            lines.insert(4, lines[4])
        case _:
            lines[5] = lines[5].replace(b'"of":5', b'"of":3')
    (tmp_path / FILE).write_bytes(b"".join(lines))
    with pytest.raises(StoreError, match=r"decisions\.jsonl:[56]: damaged"), open_store(tmp_path):
        pass


def test_a_second_engine_is_refused(tmp_path: Path) -> None:
    with open_store(tmp_path):
        with pytest.raises(Busy, match=rf"pid {os.getpid()}"), open_store(tmp_path):
            pass
        assert read_log(tmp_path).state is None
    with open_store(tmp_path):
        pass


def test_a_killed_engine_leaves_no_lock_and_its_decision_is_pending(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from rollout.store import open_store\nfrom tests.rollout.test_store import start, go_on\n"
        "from tests.rollout.worlds import START\n"
        "with open_store(Path(sys.argv[1])) as store:\n"
        "    start(store)\n    go_on(store, START + 200, apply=False)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=REPOSITORY, timeout=60, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    with open_store(tmp_path) as store:
        at = store.state
        assert isinstance(at, State)
        assert (at.phase, at.shadow) == (Phase.SHADOW, 20)
        assert store.pending is not None
        assert store.pending.decision.after == at


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(tmp_path) as store:
        start(store)
        before = (tmp_path / FILE).read_bytes()
        real = os.write
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", lambda fd, data: real(fd, data[:10]))
            with pytest.raises(OSError, match="the disk took 10 of"):
                go_on(store, START + 200)
        assert (tmp_path / FILE).read_bytes() == before
        go_on(store, START + 200)
    assert read_log(tmp_path).lines == 4


def test_to_wait_is_not_stored(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        start(store)
        go_on(store, START + 1)
        with pytest.raises(ValueError, match="not stored"):
            go_on(store, START + 2)  # the shadow has only begun
        assert store.log.lines == 4


def test_a_decision_is_taken_again_from_what_was_stored(tmp_path: Path) -> None:
    whole(tmp_path)
    for entry in read_log(tmp_path).entries:
        found = explain(entry)
        assert found.differences == ()
        assert found.again == entry.decision


def test_what_differs_is_said(tmp_path: Path) -> None:
    whole(tmp_path)
    entry = read_log(tmp_path).entries[6]
    assert entry.decision.trigger == "failed"
    calm = replace(entry, seen=replace(entry.seen, failed=replace(BROKEN, reached=False)))
    assert any(line.startswith("action: advance") for line in explain(calm).differences)
    edited = replace(entry, seen=replace(entry.seen, failed=replace(BROKEN, log_e=9.0)))
    assert any(line.startswith("evidence of failed: 6.93") for line in explain(edited).differences)
    counts = replace(entry.seen.split, v2=300)
    moved = replace(entry, seen=replace(entry.seen, split=counts))
    assert any(line.startswith("evidence of split") for line in explain(moved).differences)
    long = replace(entry, seen=replace(entry.seen, failed=replace(BROKEN, run=None)))
    assert explain(long).taken_as_stored == ("failed", "hard_stop")
    early = replace(read_log(tmp_path).entries[0], facts=replace(FACTS, healthy=False))
    assert explain(early).again is None
    assert explain(early).differences[0].startswith("refused now")
