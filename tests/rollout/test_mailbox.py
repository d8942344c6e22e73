"""Commands and answers: each is carried out once at most, and nobody waits for ever."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from rollout.mailbox import (
    ANSWERS,
    COMMANDS,
    STALE_S,
    Answer,
    NoAnswer,
    answer,
    answer_to,
    ask,
    post,
    take,
    waiting,
)

NOW = 1_732_000_000.0


def test_commands_come_in_their_order_and_once(tmp_path: Path) -> None:
    names = [post(tmp_path, command, "anna", now=NOW) for command in ("start", "pause", "abort")]
    assert waiting(tmp_path)
    orders = list(take(tmp_path, NOW))
    assert [order.command for order in orders] == ["start", "pause", "abort"]
    assert [order.name for order in orders] == names
    assert {order.actor for order in orders} == {"anna"}
    assert not waiting(tmp_path)
    assert list(take(tmp_path, NOW)) == []


def test_a_command_is_gone_before_it_is_carried_out(tmp_path: Path) -> None:
    post(tmp_path, "promote", "anna", now=NOW)
    for _ in take(tmp_path, NOW):
        assert not waiting(tmp_path)


def test_an_old_command_is_refused(tmp_path: Path) -> None:
    name = post(tmp_path, "promote", "anna", now=NOW)
    assert list(take(tmp_path, NOW + STALE_S + 1)) == []
    assert answer_to(tmp_path, name) == Answer(False, "too old: give it again")


@pytest.mark.parametrize("text", ["", "[]", '{"command": "explode", "actor": "a", "time": 1}'])
def test_what_is_no_command_is_refused(tmp_path: Path, text: str) -> None:
    name = post(tmp_path, "pause", "anna", now=NOW)
    (tmp_path / COMMANDS / name).write_text(text)
    assert list(take(tmp_path, NOW)) == []
    found = answer_to(tmp_path, name)
    assert found is not None
    assert not found.accepted


def test_who_asks_gets_the_answer_and_leaves_nothing(tmp_path: Path) -> None:
    found: list[Answer] = []
    asker = threading.Thread(target=lambda: found.append(ask(tmp_path, "pause", "anna", 20)))
    asker.start()
    while not found and asker.is_alive():
        for order in take(tmp_path, order_time(tmp_path)):
            answer(tmp_path, order.name, Answer(True, "paused", 7))
    asker.join()
    assert found == [Answer(True, "paused", 7)]
    assert not any((tmp_path / ANSWERS).iterdir())


def order_time(root: Path) -> float:
    times = [json.loads(path.read_bytes())["time"] for path in (root / COMMANDS).glob("*.json")]
    return max(times, default=0.0)


def test_without_an_engine_the_command_is_withdrawn(tmp_path: Path) -> None:
    with pytest.raises(NoAnswer, match=r"within 0\.1 s: the command was withdrawn"):
        ask(tmp_path, "promote", "anna", 0.1)
    assert not waiting(tmp_path)


def test_a_command_that_was_taken_and_not_answered_is_told_apart(tmp_path: Path) -> None:
    taken = threading.Event()

    def take_only() -> None:
        while not list(take(tmp_path, order_time(tmp_path))):
            pass
        taken.set()

    engine = threading.Thread(target=take_only)
    engine.start()
    with pytest.raises(NoAnswer, match="took the command"):
        ask(tmp_path, "promote", "anna", 0.5)
    engine.join()
    assert taken.is_set()


def test_answers_that_nobody_fetched_are_forgotten(tmp_path: Path) -> None:
    old = tmp_path / ANSWERS / "1700000000000000000-00000000.json"
    old.parent.mkdir(parents=True)
    old.write_text("{}")
    answer(tmp_path, "1732000000000000000-00000000.json", Answer(True, "done"))
    assert not old.exists()
