"""What must be so before a rollout goes on to its next step. Pure."""

from dataclasses import dataclass

from rollout import words
from rollout.observe import Observations
from rollout.plan import Plan, Step
from rollout.state import Cause, Facts, Phase, State


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a gate."""

    name: str
    have: float
    want: float
    met: bool
    text: str
    """How it stands, such as "164 of 200 users"."""
    cause: Cause = Cause.INCONCLUSIVE
    """Why the rollout holds if this is missing at the end of max_wait."""


def conditions(
    plan: Plan, state: State, facts: Facts, seen: Observations, now: float
) -> tuple[Condition, ...]:
    """Those of the step that `state` is at (or that a HOLD remembers), the met ones included."""
    health = "the candidate is ready" if facts.healthy else "the candidate is not ready"
    always = Condition("health", facts.healthy, 1, facts.healthy, health)
    busy = _load(plan, facts)
    place = state.place
    if place is Phase.SHADOW:
        return (*_shadow(plan, seen, now), always, busy)
    step = plan.step_at(state.weight)
    if place is Phase.STEP and step is not None:
        return (*_step(step, seen, now), always, busy)
    return (always,)


def overload(plan: Plan, facts: Facts, seen: Observations, percent: int) -> str | None:
    """Why that share of the traffic is too much for the candidate; None where it is not."""
    if facts.capacity is None:
        return None
    wanted, most = seen.rate * percent / 100, facts.capacity * plan.capacity_share
    if wanted <= most:
        return None
    return (
        f"{percent} % of {seen.rate:.1f} requests/s would be {wanted:.1f} for v2, more than "
        f"{most:.1f} ({words.share(plan.capacity_share)} of the {facts.capacity:.1f} that it was "
        "measured to do)"
    )


def _load(plan: Plan, facts: Facts) -> Condition:
    load = facts.load or 0.0
    known = "not measured" if facts.load is None else f"{words.share(load)} of a core"
    text = f"load of the candidate {known} (at most {words.share(plan.max_load)})"
    return Condition("load", load, plan.max_load, load <= plan.max_load, text, Cause.LOAD)


def _shadow(plan: Plan, seen: Observations, now: float) -> tuple[Condition, ...]:
    wanted = plan.shadow
    pairs, failed = seen.shadow_pairs, seen.shadow_failed
    copies = pairs + failed
    same = seen.shadow_same / pairs if pairs else 0.0
    bad = failed / copies if copies else 0.0
    return (
        Condition(
            "pairs",
            pairs,
            wanted.min_pairs,
            pairs >= wanted.min_pairs,
            f"{pairs:,} of {wanted.min_pairs:,} requests answered by both",
        ),
        _time(wanted.min_time, seen, now),
        Condition(
            "agreement",
            same,
            wanted.agreement_floor,
            pairs == 0 or same >= wanted.agreement_floor,
            f"{words.share(same)} of the answers are the same "
            f"(at least {words.share(wanted.agreement_floor)})",
            Cause.AGREEMENT,
        ),
        Condition(
            "copies",
            bad,
            wanted.max_failed,
            bad <= wanted.max_failed,
            f"{words.share(bad, 1)} of {copies:,} copies failed "
            f"(at most {words.share(wanted.max_failed)})",
            Cause.AGREEMENT,
        ),
    )


def _step(step: Step, seen: Observations, now: float) -> tuple[Condition, ...]:
    users = seen.users_v2
    text = f"{users:,} of {step.min_users:,} users of v2"
    return (
        Condition("users", users, step.min_users, users >= step.min_users, text),
        _time(step.min_time, seen, now),
    )


def _time(wanted: float, seen: Observations, now: float) -> Condition:
    observed = max(0.0, now - seen.warm_at)
    text = f"{words.duration(observed)} of {words.duration(wanted)} observed"
    return Condition("time", observed, wanted, observed >= wanted, text)
