"""The plan of the traffic: exact in time, within the allowance of every address, uneven."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigurationError
from probes.sources import NO_CHOICE, PER_SOURCE, TRAFFIC_SOURCES
from probes.traffic_plan import (
    MAX_DURATION,
    MAX_REQUESTS,
    MAX_USERS,
    Demand,
    check,
    from_json,
    plan,
    read_demand,
    to_json,
)

MANY = len(TRAFFIC_SOURCES)


@st.composite
def demands(draw: st.DrawFn) -> tuple[Demand, tuple[str, ...]]:
    """What `check` lets pass, up to what the addresses can just carry; a few thousand requests."""
    sources = TRAFFIC_SOURCES[: draw(st.integers(1, MANY))]
    users = draw(st.integers(1, 300))
    most = float(PER_SOURCE * min(users, len(sources)))
    rate = draw(st.one_of(st.just(most), st.floats(0.01, most)))
    duration = draw(st.floats(0.01, max(0.02, min(600.0, 2500 / rate))))
    return Demand(rate, users, duration), sources


@given(demands())
def test_no_address_ever_sends_more_than_its_allowance(
    case: tuple[Demand, tuple[str, ...]],
) -> None:
    demand, sources = case
    assert check(demand, len(sources)) == demand
    dues = defaultdict(list)
    for request in plan(demand, sources, 10):
        dues[request.source].append(request.due)
    for due in dues.values():
        for first, last in zip(due, due[PER_SOURCE:], strict=False):
            assert last - first >= 1 - 1e-6


@given(demands())
def test_rate_times_duration_is_the_number_of_requests(
    case: tuple[Demand, tuple[str, ...]],
) -> None:
    demand, sources = case
    requests = list(plan(demand, sources, 10))
    assert len(requests) == pytest.approx(demand.rate * demand.duration, abs=1)
    assert [request.number for request in requests] == list(range(len(requests)))
    assert all(r.due == r.number / demand.rate < demand.duration for r in requests)
    assert {request.text for request in requests} <= set(range(10))


@given(demands())
def test_every_user_has_one_address(case: tuple[Demand, tuple[str, ...]]) -> None:
    demand, sources = case
    homes: dict[str, str] = {}
    for request in plan(demand, sources, 10):
        assert homes.setdefault(request.user, request.source) == request.source
        assert 1 <= int(request.user.removeprefix("u-")) <= demand.users
        assert request.source in sources


def test_the_same_values_make_the_same_plan() -> None:
    demand = Demand(duration=30)
    first = list(plan(demand, TRAFFIC_SOURCES, 100))
    assert first == list(plan(demand, TRAFFIC_SOURCES, 100))
    assert first == list(itertools.islice(plan(Demand(duration=60), TRAFFIC_SOURCES, 100), 600))


def test_activity_falls_as_zipf_says() -> None:
    demand = Demand(rate=20, users=200, duration=1000)
    users = Counter(request.user for request in plan(demand, TRAFFIC_SOURCES, 10))
    total = sum(1 / n for n in range(1, 201))
    for n in (1, 2, 5, 20):
        expected = demand.rate * demand.duration / n / total
        # Five standard deviations of a Poisson count.
        assert users[f"u-{n:04d}"] == pytest.approx(expected, abs=5 * math.sqrt(expected))
    assert len(users) == 200


def test_a_user_beyond_the_last_address_shares_one() -> None:
    demand = Demand(rate=100, users=MANY * 2, duration=60)
    homes = {request.user: request.source for request in plan(demand, TRAFFIC_SOURCES, 10)}
    assert homes[f"u-{MANY + 1:04d}"] == homes["u-0001"] == TRAFFIC_SOURCES[0]


def test_a_single_address_is_paced_instead_of_refused() -> None:
    assert check(Demand(rate=20), len(NO_CHOICE)).rate == PER_SOURCE
    assert check(Demand(rate=2), len(NO_CHOICE)).rate == 2
    assert check(Demand(rate=20, users=1), len(NO_CHOICE)).rate == PER_SOURCE


@pytest.mark.parametrize(
    ("rate", "users", "duration", "said"),
    [
        ("fast", "200", "60", "RATE=fast: not a number"),
        ("0", "200", "60", "RATE=0: not above 0"),
        ("-1", "200", "60", "RATE=-1: not above 0"),
        ("nan", "200", "60", "RATE=nan: not above 0"),
        ("inf", "200", "60", "RATE=inf: not above 0"),
        ("1017", "200", "60", "RATE=1017: more than 1016, which is 8 from each of 127 addresses"),
        ("17", "2", "60", "RATE=17: too many for USERS=2: one user sends at most 8 a second: give"),
        ("17", "2", "60", "at least USERS=3"),
        ("20", "0", "60", "USERS=0: out of range"),
        ("20", "1e3", "60", "USERS=1e3: not a whole number"),
        ("20", f"{MAX_USERS + 1}", "60", f"from 1 to {MAX_USERS}"),
        ("20", "200", "0", "DURATION=0: out of range"),
        ("20", "200", "nan", "DURATION=nan: out of range"),
        ("20", "200", "1 min", "DURATION=1 min: not a number"),
        ("1", "200", f"{MAX_DURATION + 1}", "(a day)"),
        ("100", "200", "36000", f"more than {MAX_REQUESTS:,} requests"),
    ],
)
def test_values_that_cannot_be_are_refused_by_name(
    rate: str, users: str, duration: str, said: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_demand(rate, users, duration, "", MANY)
    assert said in str(refused.value)


@given(demands())
def test_the_file_keeps_every_value(case: tuple[Demand, tuple[str, ...]]) -> None:
    demand, sources = case
    assert from_json(to_json(demand), len(sources)) == demand


GOOD = json.loads(to_json(Demand()))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("[]", "not an object of rate, users, duration, run"),
        (json.dumps({**GOOD, "speed": 1}), "not an object of rate"),
        (json.dumps({**GOOD, "rate": "20"}), "rate is '20'"),
        (json.dumps({**GOOD, "users": True}), "users is True"),
        (json.dumps({**GOOD, "users": 2.5}), "users is 2.5"),
        (json.dumps({**GOOD, "rate": 1e9}), "RATE=1e+09: more than"),
        (json.dumps({**GOOD, "rate": 10**400}), "too large"),
        (json.dumps({**GOOD, "duration": math.nan}), "DURATION=nan"),
    ],
)
def test_a_damaged_file_is_named(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        from_json(text, MANY)
    assert str(refused.value).startswith("var/traffic.json: ")
    assert said in str(refused.value)
    assert "run `make traffic`" in str(refused.value)


@given(st.text(max_size=40) | st.recursive(st.none() | st.floats(), st.lists).map(json.dumps))
def test_no_file_content_breaks_the_reader(text: str) -> None:
    with pytest.raises(ConfigurationError):
        from_json(text, MANY)
