"""The sentences of a rollout: each says what was counted and against what. Pure, no markup."""

import math

from rollout.alone import HardStopRule
from rollout.guardrail import ComparisonRule, Evidence
from rollout.observe import Observations
from rollout.state import Facts, Phase, State


def plain(log_e: float) -> str:
    """Evidence for reading: 0.3, 14, 2,400; a power of ten beyond a million."""
    if log_e > math.log(1e6):
        return f"10^{log_e / math.log(10):.0f}"
    value = math.exp(log_e)
    return f"{value:,.1f}" if value < 10 else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """Such as "12 s", "7 m 02 s", "2 h 05 m"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} m"


def share(value: float, decimals: int = 0) -> str:
    """A share of 1, such as "20 %"."""
    return f"{100 * value:.{decimals}f} %"


def percent(part: int, whole: int) -> str:
    """A share with one decimal; "-" of nothing."""
    return share(part / whole, 1) if whole else "-"


def counted(number: int, what: str) -> str:
    """Such as "1 request", "2,000 requests"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def compared(what: str, rule: ComparisonRule, evidence: Evidence, seen: Observations) -> str:
    """Why a comparison rolls back."""
    both = evidence.v1 + evidence.v2
    requests = seen.requests_v1 + seen.requests_v2
    return (
        f"{evidence.v2} of the last {both} {what} requests were v2's, which had "
        f"{percent(seen.requests_v2, requests)} of the requests ({evidence.users} users): more "
        f"than {rule.allowed:g} times v1's rate (evidence {plain(evidence.log_e)} of "
        f"{rule.threshold:,.0f})"
    )


def hard_stop(rule: HardStopRule, seen: Observations) -> str:
    """Why the hard stop rolls back."""
    return (
        f"{seen.failed_v2} of {seen.attempts_v2} attempts of v2 failed "
        f"({percent(seen.failed_v2, seen.attempts_v2)}), surely more than {share(rule.limit)} "
        f"(evidence {plain(seen.hard_stop.log_e)} of {rule.threshold:,.0f})"
    )


def clock(back: float) -> str:
    """Why a clock that was set back rolls back."""
    return (
        f"the clock is {duration(back)} before the begin of the step: every request would look "
        "older, and no guardrail would see it; `rollout start` begins again"
    )


def outage(seen: Observations) -> str:
    """Why an outage rolls back."""
    return (
        f"v2 answered none of {seen.outage_requests} canary requests for "
        f"{duration(seen.outage_seconds)} and failed all of {seen.outage_attempts} attempts, "
        "while v1 answered"
    )


def split(seen: Observations) -> str:
    """Why a wrong split holds."""
    counts = seen.split
    total = counts.v1 + counts.v2
    return (
        f"{counts.v2:,} of {total:,} users were v2's ({percent(counts.v2, total)}), configured "
        f"are {seen.weight} % (evidence up to {plain(counts.peak)}): the cohorts are not what "
        "they should be"
    )


def changed_by_hand(state: State, facts: Facts) -> str | None:
    """What the gateway does that the rollout did not tell it; None where it does as told."""
    found = []
    for what, now, told in (
        ("canary", facts.weight, state.weight),
        ("shadow", facts.shadow, state.shadow),
    ):
        if now is not None and now != told:
            found.append(f"the {what} is {now} %, the rollout set {told} %")
    if not found:
        return None
    return f"{' and '.join(found)}: changed by hand; resume sets it again, abort leaves all to v1"


def passed(state: State, seen: Observations, now: float) -> str:
    """Why a rollout goes on."""
    took = duration(now - state.began)
    if state.place is Phase.BASELINE:
        return "the candidate is ready"
    if state.place is Phase.SHADOW:
        same = percent(seen.shadow_same, seen.shadow_pairs)
        return f"{seen.shadow_pairs:,} requests answered by both in {took}, {same} alike"
    return f"{seen.users_v2:,} users of v2 in {took}, no guardrail reached its threshold"
