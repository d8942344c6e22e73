"""What a rollout is to do, as values: the steps, the gates and the guardrails. Pure.

rollout.policy reads them from a file that a person wrote; the decision log keeps them with each
decision, so that it can be taken again.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from rollout.alone import HardStopRule, OutageRule
from rollout.guardrail import MIN_USERS, ComparisonRule
from rollout.typed import made

MANY_FAILURES: Final = 60
"""Failures beyond which a comparison is called blind at a weight: 60 bad answers are many."""


class SenselessPlan(ValueError):
    """A value that makes no sense; `key` is where it stands, such as "steps.2.weight"."""

    def __init__(self, key: str, problem: str, fix: str) -> None:
        super().__init__(f"{key}: {problem}: {fix}")
        self.key = key
        self.problem = problem
        self.fix = fix


@dataclass(frozen=True, slots=True)
class ShadowStep:
    """v2 answers copies, nobody sees what it says. Left out where percent is 0."""

    percent: int = 20
    """Of the requests to v1, how many are copied."""
    min_pairs: int = 200
    """Requests answered by both versions before the rollout goes on."""
    min_time: float = 120.0
    agreement_floor: float = 0.5
    """Least share of equal answers: a sanity check, since a better model agrees less."""
    max_failed: float = 0.05
    """Largest share of copies that may fail."""


@dataclass(frozen=True, slots=True)
class Step:
    """One weight of the canary."""

    weight: int
    """Percent of the users that v2 answers."""
    min_users: int = 200
    """Different users of v2 seen at this step before the rollout goes on."""
    min_time: float = 300.0
    """Seconds of observation, after the warm-up."""


@dataclass(frozen=True, slots=True)
class Guardrails:
    """What takes v2 back to no traffic at all."""

    failed: ComparisonRule = field(default_factory=lambda: ComparisonRule(2.0, 12.0, 1e3, 3))
    slow: ComparisonRule = field(default_factory=lambda: ComparisonRule(1.25, 2.0, 3e3, 5))
    hard_stop: HardStopRule = field(default_factory=HardStopRule)
    outage: OutageRule = field(default_factory=OutageRule)
    max_restarts: int = 2
    """Unplanned restarts of the candidate at one step; one more rolls back."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole policy. Times are in seconds. Raises SenselessPlan where it makes no sense."""

    shadow: ShadowStep = field(default_factory=ShadowStep)
    steps: tuple[Step, ...] = (Step(5, 50), Step(25), Step(50), Step(100))
    warm_up: float = 30.0
    """After a change of weight or a restart of an instance, left out of the tests."""
    max_wait: float = 3600.0
    """Longest time at a step; then the rollout holds as inconclusive."""
    no_data: float = 120.0
    """Seconds without a request after which the rollout holds."""
    guardrails: Guardrails = field(default_factory=Guardrails)
    split_threshold: float = 100.0
    """Evidence that users are not split as configured at which the rollout holds."""
    capacity_share: float = 0.8
    """How much of the candidate's measured capacity a step may take."""
    max_load: float = 0.9
    """Share of one core that the candidate's process may use for the rollout to go on."""

    def __post_init__(self) -> None:
        check(self)

    def step_after(self, weight: int) -> Step | None:
        """The first step above that weight, None after the last one."""
        return next((step for step in self.steps if step.weight > weight), None)

    def step_at(self, weight: int) -> Step | None:
        """The step with that weight, None where there is none."""
        return next((step for step in self.steps if step.weight == weight), None)

    def to_json(self) -> dict[str, Any]:
        """As plain values, for the decision log."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Plan":
        """The inverse of `to_json`. Raises KeyError, TypeError and ValueError for anything else."""
        rest = dict(value)
        rails = dict(rest.pop("guardrails"))
        return made(
            cls,
            rest,
            shadow=made(ShadowStep, rest.pop("shadow")),
            steps=tuple(made(Step, step) for step in rest.pop("steps")),
            guardrails=made(
                Guardrails,
                rails,
                failed=made(ComparisonRule, rails.pop("failed")),
                slow=made(ComparisonRule, rails.pop("slow")),
                hard_stop=made(HardStopRule, rails.pop("hard_stop")),
                outage=made(OutageRule, rails.pop("outage")),
            ),
        )


def notes(plan: Plan) -> tuple[str, ...]:
    """What a person should know about a plan that is allowed: where a test cannot see."""
    found = []
    for step in plan.steps:
        if step.weight == 100:
            found.append(
                "at 100 % nobody is left to compare with: hard stop and outage alone guard"
            )
        elif (needed := plan.guardrails.failed.events_to_detect(step.weight)) > MANY_FAILURES:
            found.append(
                f"at {step.weight} % the comparison needs {needed} failed attempts of v2 in a row: "
                "hard stop and outage guard"
            )
    return tuple(found)


def check(plan: Plan) -> None:
    """Raises SenselessPlan at the first value that makes no sense."""
    _between("shadow.percent", plan.shadow.percent, 0, 100)
    _between("shadow.agreement_floor", plan.shadow.agreement_floor, 0, 1)
    _between("shadow.max_failed", plan.shadow.max_failed, 0, 1)
    _between("shadow.min_pairs", plan.shadow.min_pairs, 1, 1_000_000)
    _between("warm_up", plan.warm_up, 0, 3600)
    _between("no_data", plan.no_data, 10, 86_400)
    _between("max_wait", plan.max_wait, 10, 30 * 86_400)
    _between("split_threshold", plan.split_threshold, 10, 1e9)
    _between("capacity_share", plan.capacity_share, 0.05, 1)
    _between("max_load", plan.max_load, 0.05, 64)
    _steps(plan)
    _longest(plan, "shadow.min_time", plan.shadow.min_time, 0)
    rails = plan.guardrails
    _comparison(plan, "guardrails.failed", rails.failed)
    _comparison(plan, "guardrails.slow", rails.slow)
    _between("guardrails.hard_stop.limit", rails.hard_stop.limit, 0.001, 0.2)
    _between("guardrails.hard_stop.attempts", rails.hard_stop.attempts, 10, 10_000)
    _between("guardrails.hard_stop.threshold", rails.hard_stop.threshold, 1e3, 1e12)
    _between("guardrails.hard_stop.per_user", rails.hard_stop.per_user, 1, 100)
    _between("guardrails.outage.attempts", rails.outage.attempts, 2, 100)
    _between("guardrails.outage.seconds", rails.outage.seconds, 1, 600)
    _between("guardrails.max_restarts", rails.max_restarts, 0, 100)


def _steps(plan: Plan) -> None:
    if not plan.steps:
        raise SenselessPlan("steps", "there is none", "list at least `- weight: 100`")
    before = 0
    for number, step in enumerate(plan.steps):
        _between(f"steps.{number}.weight", step.weight, 1, 100)
        if step.weight <= before:
            problem = f"{step.weight} comes after {before}"
            raise SenselessPlan(f"steps.{number}.weight", problem, "list the weights ascending")
        before = step.weight
        _between(f"steps.{number}.min_users", step.min_users, 0, 90_000)
        _longest(plan, f"steps.{number}.min_time", step.min_time, 0)
    if before != 100:
        key = f"steps.{len(plan.steps) - 1}.weight"
        fix = "end with weight 100: a version is promoted from there"
        raise SenselessPlan(key, f"the last step is {before}", fix)


def _longest(plan: Plan, key: str, value: float, low: float) -> None:
    _between(key, value, low, 30 * 86_400)
    if value + plan.warm_up >= plan.max_wait:
        problem = f"{value:g} s and the warm-up are not shorter than max_wait"
        raise SenselessPlan(key, problem, "shorten it, or raise max_wait")


def _comparison(plan: Plan, key: str, rule: ComparisonRule) -> None:
    _between(f"{key}.allowed", rule.allowed, 1, 100)
    if rule.alternative <= rule.allowed:
        problem = f"{rule.alternative:g} is not above allowed ({rule.allowed:g})"
        fix = "give how much worse a v2 is that must be found"
        raise SenselessPlan(f"{key}.alternative", problem, fix)
    _between(f"{key}.alternative", rule.alternative, 1, 1000)
    _between(f"{key}.threshold", rule.threshold, 10, 1e12)
    _between(f"{key}.per_user", rule.per_user, 1, 100)
    for step in plan.steps:
        if step.weight < 100 and rule.events_to_detect(step.weight) < MIN_USERS:
            problem = f"{MIN_USERS - 1} events or fewer would roll back at {step.weight} %"
            fix = "raise threshold, or lower alternative"
            raise SenselessPlan(f"{key}.threshold", problem, fix)


def _between(key: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # also refuses NaN
        problem = f"{value:g} is not between {low:g} and {high:g}"
        raise SenselessPlan(key, problem, "give one that is")
