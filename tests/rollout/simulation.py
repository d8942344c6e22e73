"""Simulated traffic against the guardrails: how soon they act, and how often for nothing.

test_simulation.py runs a little of it, simulation_table.py all that docs/statistics.md shows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rollout.alone import HardStop, Outage
from rollout.guardrail import Comparison
from rollout.outlook import RETRY_SECONDS
from rollout.plan import Plan
from rollout.slow import Slow, untied
from rollout.split import Split

PLAN = Plan()
RAILS = PLAN.guardrails
USERS = 2000
SEED = 20260101
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Onset:
    """When v2 begins to fail: how long and how many bad answers until it is rolled back."""

    seconds: float
    bad: int


class Population:
    """Users of very uneven activity (Zipf), split by a draw that is made once."""

    def __init__(self, rng: np.random.Generator, weight: int, users: int = USERS) -> None:
        self.rng = rng
        activity = 1.0 / np.arange(1, users + 1)
        self.activity: Floats = activity / activity.sum()
        self.edges: Floats = np.cumsum(self.activity)
        self.buckets: Floats = rng.random(users) * 100
        self.v2 = self.buckets < weight
        self.names = [f"u:{number}" for number in range(users)]

    def draw(self, count: int) -> NDArray[np.int64]:
        """Who sends the next requests."""
        found = np.searchsorted(self.edges, self.rng.random(count))
        return np.minimum(found, len(self.names) - 1)

    @property
    def share(self) -> float:
        """v2's share of the requests."""
        return min(1.0, float(self.activity[self.v2].sum()))


def healthy_past(
    people: Population, failed: Comparison, hard: HardStop, requests: int, base: float
) -> None:
    """So many requests of both versions, of which a share of `base` fails."""
    rng = people.rng
    gaps = rng.geometric(base, size=max(1, int(3 * requests * base) + 20))
    done = 0
    for gap in gaps.tolist():
        step = min(int(gap), requests - done)
        on_v2 = int(rng.binomial(step, people.share))
        failed.expose(step - on_v2, on_v2)
        hard.passed(on_v2)
        done += step
        if done >= requests:
            return
        user = int(people.draw(1)[0])
        v2 = bool(people.v2[user])
        failed.event(v2, people.names[user])
        if v2:
            hard.attempt(True, people.names[user])


def onset(
    seed: int, past_v2: int, weight: int, failing: float, near: bool = True, rate: float = 50.0
) -> Onset:
    """v2 starts to fail with `failing` after so many healthy requests of its own.

    `near`: v2 has as many requests as its weight says, within a point. Otherwise as the draw has
    it: if one of the busiest users is v2's, it has more.
    """
    base = 0.001
    rng = np.random.default_rng(seed)
    people = Population(rng, weight)
    while near and abs(people.share - weight / 100) > 0.01:
        people = Population(rng, weight)
    failed, hard = Comparison(RAILS.failed, weight), HardStop(RAILS.hard_stop)
    if past_v2:
        healthy_past(people, failed, hard, round(past_v2 * 100 / weight), base)
    seconds, bad = 0.0, 0
    while seconds < 600:
        users = people.draw(500)
        waits, luck = rng.exponential(1 / rate, 500).tolist(), rng.random(500).tolist()
        for user, wait, draw in zip(users.tolist(), waits, luck, strict=True):
            seconds += wait
            v2 = bool(people.v2[user])
            happened = draw < (failing if v2 else base)
            failed.request(v2, people.names[user], happened)
            if v2:
                bad += happened
                hard.attempt(happened, people.names[user])
            if failed.reached or hard.reached:
                return Onset(seconds, bad)
    return Onset(math.inf, bad)


def shared_incident(seed: int, weight: int, failing: float = 0.05, failures: int = 500) -> bool:
    """Whether an incident that hits both versions alike, until so many failures, rolls back."""
    rng = np.random.default_rng(seed)
    people = Population(rng, weight)
    failed, hard = Comparison(RAILS.failed, weight), HardStop(RAILS.hard_stop)
    requests = round(failures / failing)
    users, luck = people.draw(requests).tolist(), (rng.random(requests) < failing).tolist()
    on_v2 = people.v2.tolist()
    for user, happened in zip(users, luck, strict=True):
        failed.request(on_v2[user], people.names[user], happened)
        if on_v2[user]:
            hard.attempt(happened, people.names[user])
    return failed.reached or hard.reached


def poison(seed: int, weight: int, rate: float = 50.0, seconds: float = 900.0) -> str | None:
    """The guardrail that one busy user of v2 trips whose every request fails, if any does."""
    rng = np.random.default_rng(seed)
    people = Population(rng, weight)
    on_v2 = people.v2
    on_v2[0] = True  # the busiest one
    failed, hard = Comparison(RAILS.failed, weight), HardStop(RAILS.hard_stop)
    outage = Outage(RAILS.outage)
    requests = round(rate * seconds)
    users, luck = people.draw(requests).tolist(), (rng.random(requests) < 0.001).tolist()
    member = on_v2.tolist()
    for number, (user, unlucky) in enumerate(zip(users, luck, strict=True)):
        happened = unlucky or user == 0
        name = people.names[user]
        failed.request(member[user], name, happened)
        if member[user]:
            hard.attempt(happened, name)
            if happened:
                outage.unanswered(number / rate, name, 1)
            else:
                outage.answered()
        else:
            outage.v1(not happened)
    tripped = {"failed": failed.reached, "hard stop": hard.reached, "outage": outage.reached}
    return next((name for name, reached in tripped.items() if reached), None)


def repeated(
    seed: int, weight: int, v1_fails: float, v2_fails: float, seconds: float, rate: float = 50.0
) -> float:
    """Seconds until v2 is rolled back where nginx repeats on v1 what fails (no answer, 502, 503).

    After a failure nginx leaves v2 alone for 2 to 3 s (rollout.outlook.RETRY_SECONDS) and asks v1
    at once. Infinite if never.
    """
    rng = np.random.default_rng(seed)
    people = Population(rng, weight)
    member = people.v2.tolist()
    failed, hard = Comparison(RAILS.failed, weight), HardStop(RAILS.hard_stop)
    outage = Outage(RAILS.outage)
    requests = round(rate * seconds)
    v1_luck, v2_luck = rng.random(requests).tolist(), rng.random(requests).tolist()
    back, phase = 0.0, float(rng.random())
    for number, user in enumerate(people.draw(requests).tolist()):
        now, name = number / rate, people.names[user]
        v1_bad, v2_bad = v1_luck[number] < v1_fails, v2_luck[number] < v2_fails
        asked = member[user] and now >= back
        failed.request(member[user], name, (asked and v2_bad) or (not member[user] and v1_bad))
        if asked:
            hard.attempt(v2_bad, name)
        if asked and not v2_bad:
            outage.answered()
            continue
        if member[user]:
            outage.unanswered(now, name, int(asked))
            back = math.floor(now + phase) + RETRY_SECONDS - phase if asked else back
        outage.v1(not v1_bad)
        if failed.reached or hard.reached or outage.reached:
            return now
    return math.inf


def slower(
    seed: int,
    weight: int,
    factor: float,
    seconds: float = 270.0,
    rate: float = 50.0,
    spread: float = 0.5,
    by_user: float = 0.0,
) -> float:
    """Seconds until v2, `factor` times as slow, is rolled back; infinite if it never is.

    A service of 2 ms: log-normal times, as nginx logs them, in whole milliseconds. `by_user`: how
    much users differ in what they ask for (standard deviation of the logarithm).
    """
    rng = np.random.default_rng(seed)
    people = Population(rng, weight)
    slow = Slow(RAILS.slow, weight)
    count = round(rate * seconds)
    users = people.draw(count)
    habits = np.exp(rng.normal(0, by_user, len(people.names)))
    member = people.v2[users]
    took = 2.0 * np.exp(rng.normal(0, spread, count)) * habits[users]
    took = np.floor(np.where(member, took * factor, took) + rng.random(count)) / 1000
    at = np.cumsum(rng.exponential(1 / rate, count))
    rows = zip(member.tolist(), users.tolist(), at.tolist(), took.tolist(), strict=True)
    for v2, user, now, time_taken in rows:
        slow.answer(v2, people.names[user], now, untied(time_taken, now, ""))
        if slow.reached:
            return float(now)
    return math.inf


def rollout(seed: int) -> str | None:
    """A whole rollout of a v2 that is as good as v1; the guardrail that ends it, if one does.

    Every step lasts five minutes after the warm-up, in periods of 5 s: traffic from 5 to 100
    requests/s, ramping or by day and night; 0.2 % of all requests fail; some incidents of half a
    minute hit both versions, failing up to 5 % and making one answer in three slow; users differ
    in how often their answers are slow.
    """
    rng = np.random.default_rng(seed)
    people = Population(rng, 0)
    names, period = people.names, 5.0
    low, high = np.sort(rng.uniform(5, 100, 2))
    day = bool(rng.random() < 0.5)
    slowness = np.minimum(0.9, 0.1 * np.exp(rng.normal(-0.1, 0.4, USERS)))
    periods = 60
    for number, step in enumerate(PLAN.steps):
        member = people.buckets < step.weight
        failed, hard = Comparison(RAILS.failed, step.weight), HardStop(RAILS.hard_stop)
        slow = Comparison(RAILS.slow, step.weight)
        share = min(1.0, float(people.activity[member].sum()))
        incident = rng.integers(0, 2 * periods)  # in half of the steps
        for at in range(periods):
            phase = (number * periods + at) / (4 * periods)
            wave = math.sin(2 * math.pi * phase) / 2 + 0.5 if day else phase
            rate = low + (high - low) * wave
            hit = incident <= at < incident + 6
            chance = rng.uniform(0.01, 0.05) if hit else 0.002
            total = int(rng.poisson(rate * period))
            on_v2 = int(rng.binomial(total, share))
            bad = int(rng.binomial(total, chance))
            failed.expose(total - on_v2, on_v2)
            hits = people.draw(bad).tolist()
            passed = max(0, on_v2 - sum(bool(member[user]) for user in hits))
            each = passed // (len(hits) + 1)
            for user in hits:
                v2 = bool(member[user])
                failed.event(v2, names[user])
                if v2:
                    hard.passed(each)
                    hard.attempt(True, names[user])
            hard.passed(passed - each * len(hits))
            active = rng.random(USERS) < 1 - np.exp(-people.activity * rate * period)
            judged_v2 = int(np.count_nonzero(active & member))
            slow.expose(int(np.count_nonzero(active)) - judged_v2, judged_v2)
            limits = np.minimum(0.9, slowness * 3.3) if hit else slowness
            late = np.flatnonzero(active & (rng.random(USERS) < limits))
            rng.shuffle(late)
            for user in late.tolist():
                slow.event(bool(member[user]), names[user])
            for name, test in (("failed", failed), ("hard stop", hard), ("slow", slow)):
                if test.reached:
                    return f"{name} at {step.weight} %"
    return None


def split_found(seed: int, weight: int, actual: float, users: int, requests: int) -> int | None:
    """Users after which a wrong split is found; None if it is not."""
    rng = np.random.default_rng(seed)
    people = Population(rng, 0, users)
    member = (people.buckets < actual).tolist()
    split = Split(weight)
    limit = math.log(PLAN.split_threshold)
    seen: set[int] = set()
    for user in people.draw(requests).tolist():
        if user in seen:
            continue
        seen.add(user)
        split.user(people.names[user], member[user])
        if split.counts.peak >= limit:
            return len(seen)
    return None
