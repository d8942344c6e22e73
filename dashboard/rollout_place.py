"""Where a rollout is on its way from nobody to everybody. Pure."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from rollout.decide import next_of
from rollout.plan import Plan
from rollout.state import Action, Phase, State
from rollout.status import Decided, Status


class Mark(Enum):
    """What became of a stage."""

    DONE = "done"
    HERE = "here"
    HELD = "held"
    """Here, and it does not go on by itself."""
    FELL = "fell"
    """It was rolled back from here."""
    AHEAD = "ahead"


class Stage(NamedTuple):
    """One stage of the way."""

    name: str
    mark: Mark


def stages(status: Status) -> tuple[Stage, ...]:
    """The whole way of a rollout that was started, from the baseline to the end."""
    state, places = status.state, _places(status.plan)
    if state is None or state.phase is Phase.FINISHED:
        mark = Mark.AHEAD if state is None else Mark.DONE
        return tuple(Stage(name, mark) for name, _ in places)
    here = Mark.HERE
    index = _index(places, state.place, state.weight)
    if state.phase is Phase.HOLD:
        here = Mark.HELD
    elif state.phase is Phase.ROLLED_BACK:
        here, index = Mark.FELL, _index(places, *_fell_from(status.decisions))
    marks = [Mark.DONE] * index + [here] + [Mark.AHEAD] * (len(places) - index - 1)
    return tuple(Stage(name, mark) for (name, _), mark in zip(places, marks, strict=True))


def step_of(plan: Plan, state: State) -> str:
    """Such as "step 3 of 5": the shadow and the weights count, what is before and after not."""
    places = _places(plan)
    total = len(places) - 2
    if state.place is Phase.BASELINE:
        return f"before step 1 of {total}"
    if state.place is Phase.PROMOTED:
        return f"all {total} steps"
    return f"step {_index(places, state.place, state.weight)} of {total}"


def next_name(plan: Plan, state: State) -> str:
    """The stage that comes next, as on the way."""
    phase, weight, _ = next_of(plan, state)
    return f"{weight} %" if phase is Phase.STEP else phase.value


def _places(plan: Plan) -> list[tuple[str, tuple[Phase, int]]]:
    found = [("BASELINE", (Phase.BASELINE, 0))]
    if plan.shadow.percent > 0:
        found.append(("SHADOW", (Phase.SHADOW, 0)))
    found += [(f"{step.weight} %", (Phase.STEP, step.weight)) for step in plan.steps]
    return [*found, ("finish", (Phase.PROMOTED, 100))]


def _index(places: list[tuple[str, tuple[Phase, int]]], phase: Phase, weight: int) -> int:
    """The stage of that phase; of steps the last one that has no more than `weight`."""
    fitting = [
        number
        for number, (_, (each, at)) in enumerate(places)
        if each is phase and (phase is not Phase.STEP or at <= weight)
    ]
    return fitting[-1] if fitting else 0


def _fell_from(decisions: tuple[Decided, ...]) -> tuple[Phase, int]:
    """Phase and weight before the last decision, which rolled back."""
    weight = decisions[-1].weight_before if decisions else 0
    if weight > 0:
        return Phase.STEP, weight
    for decided in reversed(decisions[:-1]):
        if decided.action in (Action.START, Action.ADVANCE):
            return decided.phase_after, 0
    return Phase.BASELINE, 0
