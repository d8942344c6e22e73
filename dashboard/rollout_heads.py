"""The first words of the Rollout screen, why it stands still, and what to do then. Pure."""

from __future__ import annotations

from dashboard.events import RolloutState
from dashboard.lines import Cell, Tone
from dashboard.model import Model
from dashboard.rollout_place import step_of
from dashboard.rollout_words import is_under_way, silence
from rollout.state import ENGINE, Action, Cause, Phase, State
from rollout.status import Status
from rollout.words import duration

LOG = "var/logs/rollout.log"
_FIXES = {
    Cause.PAUSED: "h goes on with this step, m with the next one, a takes everybody back to v1",
    Cause.INCONCLUSIVE: "more traffic or more users, then h observes this step anew; m goes on "
    "without its gate",
    Cause.SPLIT: "find out who takes users from one version (a cache, clients without the cookie), "
    "then h; until then no figure here compares like with like",
    Cause.NO_DATA: "see that requests reach the gateway (g starts some), then h",
    Cause.CANDIDATE_CHANGED: "a, then s: what is served now was not looked at",
    Cause.LOAD: "give the candidate less other work or more room, then h",
    Cause.CAPACITY: "make the candidate faster, or measure it again, then h",
    Cause.WEIGHT: "h sets what the rollout had set and observes anew, a ends it, all at v1",
    Cause.AGREEMENT: "see where the versions differ (o), then h to look again, m to go on, or a",
}
_ANY_FIX = "h goes on with this step, a takes everybody back to v1"
Labelled = tuple[str, str, Tone]
"""Label, text and tone."""


def head(model: Model, known: RolloutState, now: float, arrow: str) -> tuple[Cell, str]:
    """The word and the sentence that come first."""
    status = known.status
    state = None if status is None else status.state
    if status is None or state is None:
        return Cell("NOT STARTED", Tone.MUTED), ""
    word, text = _word(status, state, known, now)
    if is_under_way(known):
        if not known.alive:
            kept = state.weight if model.experiment is None else model.experiment.weight
            words = f"the gateway keeps the last weight, {kept} %; no guardrail acts"
            old = duration(max(0.0, now - status.time))
            return Cell("ENGINE DEAD", Tone.BAD), f"{words}; its last word {old} ago"
        if quiet := silence(known, now):
            words = f"it runs (pid {status.pid}) and has said nothing for {duration(quiet)}"
            return Cell("ENGINE SILENT", Tone.BAD), f"{words}; weight {state.weight} %"
    return word, f"{_versions(model, arrow)}   {text}"


def _word(status: Status, state: State, known: RolloutState, now: float) -> tuple[Cell, str]:
    since = duration(max(0.0, now - state.since))
    engine = f"engine alive (pid {status.pid})" if known.alive else "no engine runs"
    step = step_of(status.plan, state)
    share = f"   {state.weight} % of users" if state.weight else ""
    if state.shadow:
        share = f"   copies of {state.shadow} % of requests"
    match state.phase:
        case Phase.HOLD:
            return Cell("HOLD", Tone.WARN), f"{step}{share}   held for {since}   {engine}"
        case Phase.ROLLED_BACK:
            return Cell("ROLLED BACK", Tone.BAD), f"v1 answers everybody again, for {since}"
        case Phase.FINISHED:
            return Cell("FINISHED", Tone.GOOD), f"the candidate is the baseline, for {since}"
        case Phase.PROMOTED:
            text = f"v2 answers everybody and is watched   for {since}   {engine}"
            return Cell("PROMOTED", Tone.GOOD), text
    word = Cell(state.phase.value.upper(), Tone.ACCENT)
    return word, f"{step}{share}   for {since}   {engine}"


def _versions(model: Model, arrow: str) -> str:
    first = model.first_version or "v1"
    others = [each.version for each in model.instances if each.version != first]
    return f"{first} {arrow} {others[0] if others else 'v2'}"


def why(known: RolloutState, now: float) -> list[Labelled]:
    """Why it stands still, or cannot see everything."""
    status = known.status
    state = None if status is None else status.state
    if status is None or state is None:
        return []
    found: list[Labelled] = []
    if status.problem and known.alive:
        found.append(("engine", status.problem, Tone.WARN))
    wanted = {Phase.HOLD: Action.HOLD, Phase.ROLLED_BACK: Action.ROLL_BACK}.get(state.phase)
    last = next((each for each in reversed(status.decisions) if each.action is wanted), None)
    if last is None:
        return found
    if state.phase is Phase.HOLD:
        # A person's own hold has no other cause than the person.
        text = f"{last.reason} ({last.actor})"
        if state.cause is not Cause.PAUSED:
            text = f"{state.cause}: {last.reason}"
        return [*found, ("why", text, Tone.WARN)]
    found.append(("tripped" if last.actor == ENGINE else "why", last.reason, Tone.BAD))
    who = f"by {last.actor}, {duration(max(0.0, now - last.time))} ago"
    weights = f"{last.weight_before} % before, {last.weight_after} % after"
    return [*found, ("decision", f"#{last.seq} {who}; {weights}; x explains it", Tone.NORMAL)]


def fix(known: RolloutState, now: float, may_act: bool) -> list[Labelled]:
    """What a person can do about it; nothing where nothing is the matter."""
    status = known.status
    state = None if status is None else status.state
    if state is None:
        return []
    if is_under_way(known) and not known.alive:
        text = f"s starts the engine again, it goes on where it was; why it ended: {LOG}"
        return _do(text if may_act else f"why it ended: {LOG}", may_act, always=True)
    if is_under_way(known) and silence(known, now):
        return _do(f"see {LOG}; r on rollout in 6 Processes starts it anew", may_act, always=True)
    match state.phase:
        case Phase.HOLD:
            text = _FIXES.get(state.cause, _ANY_FIX) if state.cause else _ANY_FIX
            return [*_do(text, may_act), *_acting(state)]
        case Phase.ROLLED_BACK:
            return _do("once the candidate is corrected, s starts another rollout", may_act)
        case Phase.FINISHED:
            return _do("put the next candidate into v2; then s starts its rollout", may_act)
    return []


def _do(text: str, may_act: bool, *, always: bool = False) -> list[Labelled]:
    return [("do", text, Tone.ACCENT)] if may_act or always else []


def _acting(state: State) -> list[Labelled]:
    if not state.weight:
        return []
    return [("meanwhile", "the guardrails still act", Tone.NORMAL)]
