"""One decision of a rollout in full: what it was taken on, and whether it would be taken again."""

from __future__ import annotations

from dashboard.headline import labelled
from dashboard.lines import Cell, Line, Tone, safe
from dashboard.numbers import clock, count
from dashboard.rollout_decisions import what
from dashboard.view import View
from rollout import words
from rollout.record import Entry, Explanation
from rollout.state import State
from rollout.status import Decided


def in_short(decided: Decided, view: View) -> list[Line]:
    """What the engine's status says of it."""
    who = f"   {clock(decided.time, fraction=False)}   by {safe(decided.actor, 60)}"
    head = f" #{decided.seq}  {what(decided, view.glyphs.arrow)}"
    return [
        (Cell(head, Tone.STRONG), Cell(who, Tone.MUTED)),
        *labelled("why", decided.reason, view),
    ]


def explanation_lines(found: Explanation, view: View) -> list[Line]:
    """What stands in the decision log, and what taking it again came to."""
    entry, arrow = found.entry, view.glyphs.arrow
    before = "none" if entry.before is None else state_words(entry.before)
    lines: list[Line] = [
        (),
        *labelled("state", f"{before} {arrow} {state_words(entry.decision.after)}", view),
    ]
    for label, text in seen_words(entry):
        lines += labelled(label, text, view)
    lines += [(), *_again(found, view)]
    return lines


def _again(found: Explanation, view: View) -> list[Line]:
    lines: list[Line] = []
    if found.differences:
        lines += labelled("again", "taken again from what was stored, it differs:", view, Tone.BAD)
        for difference in found.differences:
            lines += labelled("", difference, view, Tone.BAD)
    else:
        text = "taken again from what was stored: the same decision, for the same reason"
        lines += labelled("again", text, view, Tone.GOOD)
    if found.taken_as_stored:
        stored = ", ".join(name.replace("_", " ") for name in found.taken_as_stored)
        lines += labelled("", f"evidence taken as stored: {stored}", view, Tone.MUTED)
    return lines


def state_words(state: State) -> str:
    """Phase, weight and copies."""
    held = f" of {state.held.value} ({state.cause})" if state.held is not None else ""
    return f"{state.phase.value}{held}, {state.weight} % of users, {state.shadow} % copied"


def seen_words(entry: Entry) -> list[tuple[str, str]]:
    """What it was taken on, each with a label."""
    seen, facts = entry.seen, entry.facts
    found = []
    if entry.command is not None:
        found.append(("asked for", entry.command.value))
    if seen.attempts_v1 or seen.attempts_v2:
        failed = (
            f"v1 {count(seen.failed_v1)} of {count(seen.attempts_v1)} attempts, "
            f"v2 {count(seen.failed_v2)} of {count(seen.attempts_v2)}; "
            f"{words.counted(seen.fallbacks, 'canary request')} went to v1"
        )
        found.append(("failed", failed))
        users = (
            f"{count(seen.users_v2)} of v2; split {count(seen.split.v1)} to {count(seen.split.v2)}"
        )
        found.append(("users", users))
    if seen.shadow_pairs or seen.shadow_failed:
        copies = (
            f"{count(seen.shadow_pairs)} answered by both, {count(seen.shadow_same)} alike, "
            f"{count(seen.shadow_failed)} failed"
        )
        found.append(("copies", copies))
    each = (("failed", seen.failed), ("slow", seen.slow), ("hard stop", seen.hard_stop))
    said = [
        f"{name} {words.plain(evidence.log_e)} of {words.plain(evidence.log_threshold)}"
        for name, evidence in each
        if not evidence.void and evidence.log_threshold > 0
    ]
    if said:
        said.append(f"split {words.plain(seen.split.log_e)}")
        found.append(("evidence", ", ".join(said)))
    candidate = "unknown" if facts.digest is None else facts.digest[:12]
    health = "ready" if facts.healthy else "not ready"
    found.append(
        (
            "candidate",
            f"{candidate}, {health}, {words.counted(facts.restarts, 'restart')} at this step",
        )
    )
    if facts.config_digest is not None:
        found.append(("gateway", f"configuration {facts.config_digest[:12]}"))
    return found
