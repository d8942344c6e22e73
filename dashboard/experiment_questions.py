"""What is asked before canary and drain are changed, and what that would do to the clients."""

from __future__ import annotations

from dashboard.lines import safe
from dashboard.model import Model
from dashboard.process_questions import Question
from dashboard.rollout_words import is_under_way
from dashboard.verdict import Condition, condition


def weight_question(model: Model) -> str:
    """What to ask for a weight."""
    state = model.experiment
    now = 0 if state is None else state.weight
    text = (
        f"percent of the users for the second version (now {now}); "
        "0 is the kill switch: it ends the canary and the shadow"
    )
    if is_under_way(model.rollout):
        text += ". A rollout is under way: it holds until a person goes on with it (7 Rollout)"
    return text


def parse_weight(text: str) -> int | None:
    """The percentage that a person typed, None if it is none."""
    text = text.strip().removesuffix("%").rstrip()
    if text.isascii() and text.isdecimal() and int(text) <= 100:
        return int(text)
    return None


def drain_question(model: Model, name: str, now: float) -> Question:
    """What to ask before `name` is drained, or before it gets requests again."""
    shown = safe(name, 60)
    if name == model.drained:
        ready = condition(model, name, now) is Condition.READY
        after = "" if ready else "; it is not ready: nginx finds that out and asks another one"
        return Question(f"requests to {shown} again?", f"from the next one on{after}")
    version = model.version_of(name)
    heirs = [
        each.name
        for each in model.instances
        if each.version == version
        and each.name != name
        and condition(model, each.name, now) is Condition.READY
    ]
    if heirs:
        share = f"its share goes to {' and '.join(heirs)}"
    elif version == model.first_version:
        share = "no other one is ready: requests fail"
    else:
        share = f"{model.first_version} answers the canary, who asks for {version} gets 503"
    return Question(
        f"no new requests to {shown}?", f"those in flight are finished; {share}; d again ends it"
    )
