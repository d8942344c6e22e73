"""What is asked before a rollout is changed, and what that would do to the users. Pure."""

from __future__ import annotations

from enum import Enum

from dashboard.lines import safe
from dashboard.model import Model
from dashboard.process_questions import Question
from dashboard.rollout_place import next_name
from dashboard.rollout_words import is_under_way
from rollout.gate import conditions
from rollout.state import Command, Phase
from rollout.status import Status


class Order(Enum):
    """What a person can ask of the engine. The value is the word on the command line."""

    START = "start"
    REVIVE = "start the engine"
    """A rollout is under way and no engine runs: the one that goes on with it."""
    PAUSE = Command.PAUSE.value
    RESUME = Command.RESUME.value
    PROMOTE = Command.PROMOTE.value
    ABORT = Command.ABORT.value
    FINISH = Command.FINISH.value

    @property
    def begins(self) -> bool:
        """Whether it is for an engine that need not run yet."""
        return self in (Order.START, Order.REVIVE)


def order_of(model: Model, word: str) -> Order:
    """What a key means now: one key holds and resumes, one starts rollout or engine."""
    known = model.rollout
    state = None if known is None or known.status is None else known.status.state
    if word == "hold":
        held = state is not None and state.phase is Phase.HOLD
        return Order.RESUME if held else Order.PAUSE
    if word == "start" and known is not None and is_under_way(known) and not known.alive:
        return Order.REVIVE
    return Order(word)


def needless(model: Model, order: Order) -> str:
    """Why it makes no sense now and what does, "" if it may."""
    known = model.rollout
    under_way = is_under_way(known)
    if order is Order.START:
        return "a rollout is under way: a ends it first" if under_way else ""
    if order is Order.REVIVE:
        return ""
    status = None if known is None else known.status
    if known is None or status is None or status.state is None or not under_way:
        return "no rollout is under way: s starts one"
    if not known.alive:
        return "no engine runs to do it: s starts it again (`canary off` sends everybody to v1)"
    if order is Order.FINISH and status.state.place is not Phase.PROMOTED:
        return "only a promoted candidate becomes the baseline"
    if order is Order.PROMOTE and status.state.place is Phase.PROMOTED:
        return "it is promoted already: f makes it the baseline, a takes everybody back to v1"
    return ""


def question(model: Model, order: Order) -> Question | None:
    """What to ask before; None for what moves no user and can be taken back by the same key."""
    status = None if model.rollout is None else model.rollout.status
    if order in (Order.PAUSE, Order.RESUME):
        return None
    if order is Order.START:
        return Question(
            "start a rollout of what v2 serves?",
            "by rollout/rollout.yaml: copies first, then more and more of the users, up to all; "
            "a guardrail takes everybody back to v1",
        )
    if status is None or status.state is None:
        return None
    weight = status.state.weight
    match order:
        case Order.REVIVE:
            kept = f"the gateway has kept {weight} %; it reads what the log holds since then"
            return Question("start the engine again?", kept)
        case Order.PROMOTE:
            return _promotion(status)
        case Order.ABORT:
            share = (
                f"{weight} % of the users go back to v1 at once" if weight else "no user is v2's"
            )
            return Question("abort the rollout?", f"{share}; the rollout ends")
    stable = [i.name for i in model.instances if i.version == model.first_version]
    names = ", ".join(safe(name, 40) for name in stable)
    return Question(
        "make v2 the baseline?",
        f"{names} restart one by one with its model, each without requests meanwhile; then they "
        "answer everybody. The model before is kept: make adopt UNDO=1",
    )


def _promotion(status: Status) -> Question | None:
    state = status.state
    if state is None:
        return None
    to = next_name(status.plan, state)
    gate = conditions(status.plan, state, status.facts, status.seen, status.time)
    missing = [condition.text for condition in gate if not condition.met]
    skipped = f"skips its gate: {'; '.join(missing)}" if missing else "its gate is open anyway"
    return Question(f"go on to {to} now?", f"{skipped}; the guardrails still act")
