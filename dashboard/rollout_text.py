"""What `rollout` prints: where a rollout is, and a decision in full. Pure, plain lines."""

from __future__ import annotations

import time

from dashboard.rollout_explain_lines import seen_words, state_words
from dashboard.rollout_place import step_of
from dashboard.rollout_words import SILENT_AFTER_S
from gateway.visible import visible
from rollout import outlook, words
from rollout.gate import conditions
from rollout.record import Explanation
from rollout.state import Action, Phase, State
from rollout.status import Decided, Status
from rollout.words import duration

NEXT = {
    Phase.HOLD: "resume observes this step anew, promote goes on without its gate, abort ends it",
    Phase.ROLLED_BACK: "put a better candidate into v2, then start",
    Phase.FINISHED: "put the next candidate into v2, then start",
}
"""What a person can do, by phase."""
_DECISIONS = 5


def status_lines(status: Status, alive: bool, now: float) -> list[str]:
    """Where it is, what it has seen, what comes next."""
    state = status.state
    if state is None:
        return ["rollout  none was ever started; `python -m dashboard rollout start`"]
    lines = [f"rollout  {_where(status, state, now)}"]
    if (last := _reason(status, state)) is not None:
        lines.append(f"why      {last.reason} (#{last.seq}, by {last.actor})")
    lines.append(f"engine   {_engine(status, state, alive, now)}")
    if status.problem is not None and alive:
        lines.append(f"problem  {status.problem}")
    if not state.ended:
        lines += _evidence(status, state)
    if (what := NEXT.get(state.phase)) is not None:
        lines.append(f"do       {what}")
    lines += [_decided(each) for each in status.decisions[-_DECISIONS:]]
    return [visible(line) for line in lines]


def explain_lines(found: Explanation) -> list[str]:
    """What a decision was taken on, and what taking it again comes to."""
    entry = found.entry
    decision = entry.decision
    before = "none" if entry.before is None else state_words(entry.before)
    rows = [
        ("decision", f"#{entry.seq} {decision.action}, {_moment(entry.time)}, by {entry.actor}"),
        ("state", f"{before} -> {state_words(decision.after)}"),
        ("why", decision.reason),
        *seen_words(entry),
    ]
    if found.differences:
        rows += [("again", f"differs: {difference}") for difference in found.differences]
    else:
        rows.append(("again", "taken again from what was stored: the same decision"))
    if found.taken_as_stored:
        rows.append(("", f"evidence taken as stored: {', '.join(found.taken_as_stored)}"))
    return [visible(f"{label:<10} {text}") for label, text in rows]


def _where(status: Status, state: State, now: float) -> str:
    since = f"for {duration(max(0.0, now - state.since))}"
    step = "" if state.ended else f", {step_of(status.plan, state)}"
    held = f" of {state.place} ({state.cause})" if state.phase is Phase.HOLD else ""
    copies = f", copies of {state.shadow} % of the requests" if state.shadow else ""
    return f"{state.phase.upper()}{held}: {state.weight} % of the users{copies}{step}, {since}"


def _engine(status: Status, state: State, alive: bool, now: float) -> str:
    silent = now - status.time
    if alive and silent <= SILENT_AFTER_S:
        return f"runs (pid {status.pid})"
    if alive:
        return f"runs (pid {status.pid}) and has said nothing for {duration(silent)}"
    if state.ended:
        return "has ended, there is nothing to do"
    return (
        f"DEAD since {duration(silent)}: the gateway keeps {state.weight} %, no guardrail acts; "
        "resume, or any other command, starts it again; why: var/logs/rollout.log"
    )


def _reason(status: Status, state: State) -> Decided | None:
    wanted = {Phase.HOLD: Action.HOLD, Phase.ROLLED_BACK: Action.ROLL_BACK}.get(state.phase)
    return next((each for each in reversed(status.decisions) if each.action is wanted), None)


def _evidence(status: Status, state: State) -> list[str]:
    plan, seen, facts = status.plan, status.seen, status.facts
    lines = [
        f"gate     {'ok ' if condition.met else '-  '} {condition.text}"
        for condition in conditions(plan, state, facts, seen, status.time)
    ]
    if state.weight:
        lines += [
            f"guard    {words.share(guard.progress):>5} {guard.name}: {guard.now}; "
            f"rolls back: {guard.when}"
            for guard in outlook.guards(plan, seen, facts.restarts)
        ]
        lines.append(f"sees     {outlook.sees(plan, state, seen, status.time)}")
    capacity = "not measured" if facts.capacity is None else f"{facts.capacity:.1f} requests/s"
    lines.append(f"capacity {capacity}")
    lines.append(f"next     {outlook.coming(plan, state, facts, seen, status.time)}")
    return lines


def _decided(decided: Decided) -> str:
    return (
        f"#{decided.seq:<7} {_moment(decided.time)} {decided.actor}: {decided.action}, "
        f"{decided.weight_before} -> {decided.weight_after} %: {decided.reason}"
    )


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
