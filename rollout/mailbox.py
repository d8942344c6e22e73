"""What a person asks of the engine, and what it answers: one small file each way.

A command is taken away before it is carried out, so that none is carried out twice. If the engine
dies right then, the command is lost, and whoever asked is told that there was no answer.
"""

import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from gateway import plain_json
from gateway.atomic import replace_file
from rollout.state import Command
from rollout.store import FOLDER
from rollout.typed import made

COMMANDS: Final = FOLDER / "commands"
ANSWERS: Final = FOLDER / "answers"
START: Final = "start"
"""The command that is none to a rollout under way, but begins one."""
STALE_S: Final = 60.0
"""A command that nobody took for so long is refused: who gave it has stopped waiting."""
_PERIOD_S: Final = 0.05


class NoAnswer(TimeoutError):
    """The engine did not answer in time. The text says whether the command was taken."""


@dataclass(frozen=True, slots=True)
class Order:
    """A command as it was found in the mailbox."""

    name: str
    command: str
    """START or a value of Command."""
    actor: str
    time: float
    """When it was given, in seconds since the epoch."""
    policy: str | None = None
    """With START: the file of the policy, None for rollout.yaml."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a command."""

    accepted: bool
    reason: str
    """What was decided; if it was refused, why and what to do instead."""
    seq: int | None = None
    """The decision in the log."""


def ask(root: Path, command: str, actor: str, timeout: float, policy: str | None = None) -> Answer:
    """Give a command and wait for the answer. Raises NoAnswer, OSError."""
    name = post(root, command, actor, policy)
    deadline = time.monotonic() + timeout
    try:
        while (found := answer_to(root, name)) is None:
            if time.monotonic() > deadline:
                raise _no_answer(root, name, timeout)
            time.sleep(_PERIOD_S)
        return found
    finally:
        # Nobody waits any more: it must not be carried out later.
        (root / COMMANDS / name).unlink(missing_ok=True)
        (root / ANSWERS / name).unlink(missing_ok=True)


def post(
    root: Path, command: str, actor: str, policy: str | None = None, now: float | None = None
) -> str:
    """Put a command into the mailbox; its name. `now`: None for the present. Raises OSError."""
    for folder in (COMMANDS, ANSWERS):
        (root / folder).mkdir(parents=True, exist_ok=True)
    name = f"{time.time_ns()}-{secrets.token_hex(4)}.json"
    value = {
        "command": command,
        "actor": actor,
        "time": time.time() if now is None else now,
        "policy": policy,
    }
    replace_file(root / COMMANDS / name, json.dumps(value) + "\n")
    return name


def answer_to(root: Path, name: str) -> Answer | None:
    """The answer to that command, None while there is none. Raises OSError."""
    try:
        return Answer(**plain_json.loads((root / ANSWERS / name).read_bytes()))
    except FileNotFoundError:
        return None


def waiting(root: Path) -> bool:
    """Whether there is a command that nobody has taken."""
    return any((root / COMMANDS).glob("*.json"))


def take(root: Path, now: float) -> Iterator[Order]:
    """Each command, oldest first, taken away; those that are too old are refused here."""
    for path in sorted((root / COMMANDS).glob("*.json")):
        try:
            text = path.read_bytes()
            path.unlink()
        except FileNotFoundError:
            continue  # withdrawn
        try:
            value = plain_json.loads(text)
            order = made(Order, value, name=path.name)
            if order.command != START:
                Command(order.command)
        except (ValueError, KeyError, TypeError) as error:
            answer(root, path.name, Answer(False, f"not a command that is known ({error})"))
            continue
        if now - order.time > STALE_S:
            answer(root, path.name, Answer(False, "too old: give it again"))
            continue
        yield order


def answer(root: Path, name: str, found: Answer) -> None:
    """Tell whoever gave the command. Raises OSError."""
    (root / ANSWERS).mkdir(parents=True, exist_ok=True)
    _forget(root)
    replace_file(root / ANSWERS / name, json.dumps(asdict(found)) + "\n")


def _forget(root: Path) -> None:
    """Answers whose askers went away before they came."""
    before = (time.time() - 10 * STALE_S) * 1e9
    for path in (root / ANSWERS).glob("*.json"):
        stamp = path.name.partition("-")[0]
        if not stamp.isdecimal() or int(stamp) < before:
            path.unlink(missing_ok=True)


def _no_answer(root: Path, name: str, timeout: float) -> NoAnswer:
    waited = f"no answer from the engine within {timeout:g} s"
    if (root / COMMANDS / name).exists():
        return NoAnswer(f"{waited}: the command was withdrawn; see var/logs/rollout.log")
    return NoAnswer(f"{waited}, which took the command: `rollout status` says what came of it")
