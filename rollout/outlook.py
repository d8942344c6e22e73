"""What a screen says beside the state: guardrails, what would roll back, what comes next. Pure."""

import math
from dataclasses import dataclass
from typing import Final

from rollout import words
from rollout.decide import next_of
from rollout.gate import Condition, conditions
from rollout.guardrail import Evidence
from rollout.observe import Observations
from rollout.plan import Plan
from rollout.state import Facts, Phase, State

RETRY_SECONDS: Final = 3.0
"""Between two attempts of an instance that fails: nginx counts whole seconds, and leaves it alone
until more than fail_timeout (2 s, nginx/upstreams.conf) of them have passed."""
NOBODY: Final = "nobody to compare with"
JUST_BEGUN_S: Final = 5.0
"""Before a step has lasted so long, no request for v2 says nothing."""
_FAILING: Final = 0.2
"""The share of failures for which the outlook says how soon it is seen."""


@dataclass(frozen=True, slots=True)
class Guard:
    """One guardrail as a line of a screen."""

    name: str
    progress: float
    """0 (nothing speaks against v2) to 1 (rolls back); logarithm of the evidence by that of
    the threshold."""
    evidence: str
    now: str
    when: str
    """When it rolls back."""


def guards(plan: Plan, seen: Observations, restarts: int = 0) -> tuple[Guard, ...]:
    """Every guardrail, in the order in which decide looks at them."""
    rails = plan.guardrails
    rule = rails.outage
    gone = min(1.0, seen.outage_attempts / rule.attempts, seen.outage_seconds / rule.seconds)
    attempts = percent_of(seen.failed_v2, seen.attempts_v2)
    return (
        Guard(
            "v2 answers",
            1.0 if seen.outage else gone,
            "",
            f"{words.counted(seen.fallbacks, 'canary request')} went to v1",
            f"{rule.attempts} attempts in a row fail over {rule.seconds:g} s and v1 answers",
        ),
        Guard(
            "failed attempts are v2's",
            *_bar(seen.failed),
            _events(seen.failed, "failed"),
            _limit(seen.failed, rails.failed.allowed),
        ),
        Guard(
            "hard stop",
            *_bar(seen.hard_stop),
            attempts,
            f"surely > {words.share(rails.hard_stop.limit)} failed, "
            f"over >= {rails.hard_stop.attempts}",
        ),
        Guard(
            "slow answers are v2's",
            *_bar(seen.slow),
            _slow(seen),
            _limit(seen.slow, rails.slow.allowed),
        ),
        Guard(
            "restarts",
            min(1.0, restarts / (rails.max_restarts + 1)),
            "",
            f"{restarts} at this step",
            f"more than {rails.max_restarts}",
        ),
    )


def seconds_to_see(plan: Plan, weight: int, rate_v2: float, failing: float) -> float:
    """About how long v2 can fail that share of its requests unseen; infinite without traffic.

    The faster one of comparison (v1 not failing meanwhile) and hard stop, with failures at
    their mean distance: half of the times it takes longer.
    """
    if rate_v2 <= 0 or failing <= 0:
        return math.inf
    attempts = plan.guardrails.hard_stop.attempts_to_detect(failing)
    if needed := plan.guardrails.failed.events_to_detect(weight):
        attempts = min(attempts, needed / failing)
    return attempts / rate_v2


def seconds_to_see_outage(plan: Plan, rate_v2: float) -> float:
    """About how long v2 can be down unseen: nginx asks it every 3 s, at the next request."""
    if rate_v2 <= 0:
        return math.inf
    rule = plan.guardrails.outage
    between = RETRY_SECONDS + 1 / rate_v2
    return 1 / rate_v2 + max((rule.attempts - 1) * between, rule.seconds)


def sees(plan: Plan, state: State, seen: Observations, now: float) -> str:
    """What so much traffic can and cannot show."""
    if state.weight == 0:
        return "v2 answers nobody: only copies of requests can show anything"
    if seen.rate_v2 <= 0 and now - state.began < JUST_BEGUN_S:
        return "the step has just begun: requests are being counted"
    if seen.rate_v2 <= 0:
        return "no request for v2: nothing can be seen"
    down = seconds_to_see_outage(plan, seen.rate_v2)
    bad = seconds_to_see(plan, state.weight, seen.rate_v2, _FAILING)
    text = (
        f"at {seen.rate_v2:.1f} v2 requests/s: v2 down is seen in about {words.duration(down)}, "
        f"v2 failing {words.share(_FAILING)} in about {words.duration(bad)}"
    )
    if needed := plan.guardrails.failed.events_to_detect(state.weight):
        return f"{text} ({needed} failures)"
    return f"{text}; a slower v2 not at all, nobody is left to compare with"


def coming(plan: Plan, state: State, facts: Facts, seen: Observations, now: float) -> str:
    """What comes next, and when."""
    if state.ended:
        return "nothing: the rollout is over"
    if state.phase is Phase.HOLD:
        return f"nothing until a person resumes, promotes or aborts ({state.cause})"
    if state.phase is Phase.PROMOTED:
        return "finish makes v2 the baseline; abort takes everybody back to v1"
    phase, weight, shadow = next_of(plan, state)
    names = {Phase.SHADOW: f"shadow of {shadow} %", Phase.STEP: f"{weight} %"}
    name = names.get(phase, phase.value)
    missing = [c for c in conditions(plan, state, facts, seen, now) if not c.met]
    wait = max((_wait(condition, seen, now) for condition in missing), default=0.0)
    left = max(0.0, state.began + plan.max_wait - now)
    if wait > left:
        return f"{name} not yet ({missing[0].text}); HOLD in {words.duration(left)}"
    return f"{name} in about {words.duration(wait)}, if nothing changes"


def percent_of(failed: int, attempts: int) -> str:
    """Such as "0.0 % of 812 attempts"."""
    return f"{words.percent(failed, attempts)} of {attempts:,} attempts"


def _bar(evidence: Evidence) -> tuple[float, str]:
    if evidence.void or evidence.log_threshold <= 0:
        return 0.0, "not measured"
    progress = 1.0 if evidence.reached else min(1.0, evidence.log_e / evidence.log_threshold)
    return progress, f"e = {words.plain(evidence.log_e)}"


def _events(evidence: Evidence, what: str) -> str:
    if evidence.void:
        return NOBODY
    return f"{evidence.v1 + evidence.v2} {what}, {evidence.v2} on v2"


def _slow(seen: Observations) -> str:
    if seen.slow.void:
        return NOBODY
    if seen.slow_over is None:
        return "not measured: too few answers of v1"
    return _events(seen.slow, f"slow (> {seen.slow_over * 1000:.1f} ms)")


def _limit(evidence: Evidence, allowed: float) -> str:
    return "never at this weight" if evidence.void else f"more than {allowed:g}x v1's rate"


def _wait(condition: Condition, seen: Observations, now: float) -> float:
    """Seconds until it is met at the pace so far; infinite where nothing says."""
    if condition.name == "time":
        return condition.want - condition.have + max(0.0, seen.warm_at - now)
    observed = now - seen.warm_at
    if condition.name in ("users", "pairs") and condition.have > 0 and observed > 0:
        return (condition.want - condition.have) * observed / condition.have
    return math.inf
