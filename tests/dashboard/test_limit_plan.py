"""What can be chosen, what should come of it, and the same in a shell."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.limit_plan import (
    command,
    foresee,
    more_rate,
    more_requests,
    rates_to_choose,
    requests_to_choose,
    words,
)
from gateway.errors import Place
from probes.limit_files import RateLimit
from probes.ratelimit import MAX_REQUESTS, Plan, judge
from probes.verdict import Verdict
from tests.dashboard.limit_story import LIMIT, as_expected

limits = st.builds(
    RateLimit,
    st.integers(1, 60_000),
    st.integers(0, 1000),
    st.booleans(),
    st.just(429),
    st.just(Place("nginx/x.conf", 1)),
)


@given(limits, st.integers(1, MAX_REQUESTS), st.none() | st.floats(0.1, 1000))
def test_going_up_and_down_ends_at_the_ends(
    limit: RateLimit, requests: int, rate: float | None
) -> None:
    plan = Plan(requests, rate)
    numbers, rates = requests_to_choose(limit), rates_to_choose(limit)
    assert list(numbers) == sorted(set(numbers))
    for by, number, fast in ((1, MAX_REQUESTS, None), (-1, numbers[0], rates[0])):
        found = plan
        for _ in range(len(numbers) + len(rates)):
            following = more_rate(more_requests(found, limit, by), limit, by)
            assert (following.requests - found.requests) * by >= 0 or found.requests not in numbers
            found = following
        assert found == Plan(number, fast)


def test_the_edge_of_the_limit_can_be_chosen() -> None:
    numbers = requests_to_choose(LIMIT)
    assert {20, 21, 22, 42} <= set(numbers)
    assert more_requests(Plan(21), LIMIT, 1) == Plan(22)
    assert more_requests(Plan(21), LIMIT, -1) == Plan(20)
    assert rates_to_choose(LIMIT)[-1] is None
    assert 10.0 in rates_to_choose(LIMIT)
    assert more_rate(Plan(42), LIMIT, -1) == Plan(42, 50.0)
    assert more_rate(Plan(42), LIMIT, 1) == Plan(42)


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (Plan(1), (1, 1)),
        (Plan(21), (21, 21)),
        (Plan(22), (21, 21)),
        (Plan(150), (21, 21)),
        (Plan(60, 5.0), (59, 60)),
        (Plan(60, 20.0), (49, 51)),
    ],
)
def test_what_is_foreseen(plan: Plan, expected: tuple[int, int]) -> None:
    found = foresee(plan, LIMIT)
    assert (found.least, found.most) == expected
    assert len(found.shots) == plan.requests
    assert found.least <= sum(shot.status == 200 for shot in found.shots) <= found.most


@given(limits, st.integers(1, MAX_REQUESTS), st.none() | st.floats(0.1, 1000))
def test_a_gateway_that_does_as_foreseen_is_right(
    limit: RateLimit, requests: int, rate: float | None
) -> None:
    plan = Plan(requests, rate)
    found = judge(foresee(plan, limit).shots, limit, plan)
    assert found.verdict in (Verdict.PASSED, Verdict.INCONCLUSIVE)
    assert judge(as_expected(plan, limit), limit, plan).verdict is not Verdict.FAILED


@pytest.mark.parametrize("plan", [Plan(7), Plan(3, 1000.0)])
def test_the_command_sends_as_many(plan: Plan) -> None:
    shell = command("echo 200", plan)
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, timeout=30)
    assert done.stdout.split() == [str(plan.requests), "200"]
    assert ("sleep" in shell) == (plan.rate is not None)


def test_words() -> None:
    assert words(Plan(1)) == "1 request all at once"
    assert words(Plan(42, 12.5)) == "42 requests at 12.5 a second"
