"""What a person asks of the rollout: the same as `python -m dashboard rollout`."""

from __future__ import annotations

import getpass
from pathlib import Path

from dashboard.rollout_questions import Order
from gateway.supervisor import SOCKET, Supervisor, SupervisorError
from rollout.mailbox import ask
from rollout.record import Explanation, explain
from rollout.store import read_log

PROCESS = "rollout"
"""The engine, as process-compose.yaml calls it."""
TIMEOUT_S = 15.0
"""An engine that was just started reads the log first."""


def order(root: Path, wanted: Order, *, alive: bool) -> tuple[bool, str]:
    """Do it in the workspace at `root`; whether it was done, and the words for a person.

    `alive`: whether the engine runs; what begins something starts it where it does not.
    """
    try:
        if wanted.begins and not alive:
            Supervisor(root / SOCKET).start(PROCESS)
        if wanted is Order.REVIVE:
            return True, "the engine was started again"
        answer = ask(root, wanted.value, _person(), TIMEOUT_S)
    except (OSError, SupervisorError) as error:
        return False, f"{wanted.value}: {error}"
    said = wanted.value if answer.accepted else f"{wanted.value} was refused"
    return answer.accepted, f"{said}: {answer.reason}"


def explain_decision(root: Path, seq: int) -> Explanation:
    """The decision with that number, taken again. Raises StoreError, OSError, LookupError."""
    for entry in reversed(read_log(root).entries):
        if entry.seq == seq:
            return explain(entry)
    raise LookupError(f"the decision log has no #{seq}")


def _person() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user of a container whom no file names
        return "somebody"
