"""A whole rollout, from lines of the log to decisions: what the engine does, without one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from gateway.accesslog import Access, UpstreamAttempt, parse
from gateway.cohort import bucket_of_user, in_canary
from gateway.shadow_log import Shadow
from rollout.command import obey
from rollout.decide import begin, decide
from rollout.observe import Observer
from rollout.state import Action, Command, Decision, Phase, State
from tests.gateway.access_lines import line
from tests.rollout.worlds import FACTS, PLAN, START

V1, V2 = "127.0.0.1:8101", "127.0.0.1:8201"
VERSIONS = {V1: "v1", V2: "v2"}
TYPICAL = parse(line())
RATE = 50

V2Fails = Callable[[State, float], float]


class Gateway:
    """Sticky users, one request every 20 ms, and a v2 that fails as told."""

    def __init__(self, fails: V2Fails) -> None:
        self.rng = np.random.default_rng(7)
        self.fails = fails
        self.buckets = [bucket_of_user(f"user-{number}") for number in range(2000)]
        self.bad = 0
        self.number = 0

    def second(self, observer: Observer, state: State, now: float) -> None:
        """What the logs say about the second that ends at `now`."""
        users = np.minimum(self.rng.zipf(1.3, RATE), 2000) - 1
        times = self.rng.lognormal(np.log(0.002), 0.4, RATE).round(3)
        luck, copied = self.rng.random(RATE), self.rng.random(RATE)
        for at, user in enumerate(users.tolist()):
            v2 = in_canary(self.buckets[user], state.weight)
            fails = luck[at] < (self.fails(state, now) if v2 else 0.001)
            self.bad += v2 and bool(fails)
            status = 500 if fails else 200
            self.number += 1
            request_id = f"request-{self.number:08d}"
            attempt = UpstreamAttempt(V2 if v2 else V1, status, float(times[at]), retried=False)
            access: Access = TYPICAL._replace(
                time=now - 1 + at / RATE,
                request_id=request_id,
                request_time=float(times[at]),
                user_id=f"user-{user}",
                cohort="canary" if v2 else "v1",
                status=status,
                upstream_attempts=(attempt,),
            )
            observer.request(access)
            if not v2 and copied[at] < state.shadow / 100:
                observer.copy(Shadow(now, request_id, 200, "v2-1", V2, "positive"))


def follow(
    gateway: Gateway, until: Callable[[State], bool], pause_at: int | None = None
) -> tuple[list[tuple[float, Decision]], float]:
    """Decide once a second until the state is as asked; the decisions, and when it was so."""
    state = begin(PLAN, FACTS, START).after
    observer = Observer(PLAN, state.weight, state.began, state.changed, VERSIONS)
    made: list[tuple[float, Decision]] = []
    for second in range(1, 2000):
        now = START + second
        gateway.second(observer, state, now)
        seen = observer.snapshot()
        decision = decide(PLAN, state, FACTS, seen, now)
        if decision.action is Action.WAIT and pause_at == state.weight and not state.cause:
            decision = obey(PLAN, state, FACTS, seen, now, Command.PAUSE)
        if decision.action is not Action.WAIT:
            made.append((now, decision))
            if decision.after.began != state.began:
                after = decision.after
                observer = Observer(PLAN, after.weight, after.began, after.changed, VERSIONS)
            state = decision.after
            if until(state):
                return made, now
    raise AssertionError(f"still {state} after {made}")


def test_a_v2_like_v1_is_promoted() -> None:
    made, end = follow(Gateway(lambda *_: 0.001), lambda state: state.phase is Phase.PROMOTED)
    assert [decision.after.weight for _, decision in made] == [0, 5, 25, 50, 100, 100]
    assert {decision.action for _, decision in made} == {Action.ADVANCE}
    # Four steps of a minute, each after 30 s of warm-up, and the shadow.
    assert 4 * 90 + 60 <= end - START <= 4 * 90 + 60 + 60


@pytest.mark.parametrize("paused", [False, True])
def test_a_v2_that_begins_to_fail_is_rolled_back_also_while_held(paused: bool) -> None:
    onset: list[float] = []

    def fails(state: State, now: float) -> float:
        """A fifth, 20 s after the warm-up at 25 %."""
        if state.weight != 25 or now < state.changed + PLAN.warm_up + 20:
            return 0.0
        onset.append(now)
        return 0.2

    gateway = Gateway(fails)
    made, end = follow(gateway, lambda state: state.ended, 25 if paused else None)
    last = made[-1][1]
    assert (last.action, last.trigger) == (Action.ROLL_BACK, "failed")
    assert (made[-2][1].after.phase is Phase.HOLD) == paused
    assert end - onset[0] <= 10
    assert gateway.bad <= 25  # a decision comes once a second
