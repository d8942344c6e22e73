"""When a recorded request is sent again, and from where."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigurationError
from probes.again_plan import MAX_SPEED, PAIR_S, plan, read_speed
from probes.recorded import Recorded
from probes.sources import PER_SOURCE


def recorded(*times: float) -> list[Recorded]:
    return [Recorded(at, f"request-{n:06d}", f"u-{n}", "") for n, at in enumerate(times)]


def test_the_same_users_ask_at_the_same_distances_divided_by_the_speed() -> None:
    found = plan(recorded(100, 101, 104), 2.0, 3, 50)
    sent = sorted((each for source in found.by_source for each in source), key=lambda a: a.number)
    assert [(each.due, each.user) for each in sent] == [(0, "u-0"), (0.5, "u-1"), (2, "u-2")]
    assert [each.text for each in sent] == [r.text(50) for r in recorded(100, 101, 104)]
    assert (found.requests, found.seconds, found.asked_seconds) == (3, 2.0, 2.0)


def test_no_more_addresses_than_requests() -> None:
    assert len(plan(recorded(0, 1), 1.0, 127, 5).by_source) == 2


def test_what_an_address_may_not_send_yet_waits() -> None:
    found = plan(recorded(*[0.0] * 10), 10.0, 2, 5)
    assert [each.due for each in found.by_source[0]] == pytest.approx([n * 0.25 for n in range(5)])
    assert (found.seconds, found.asked_seconds) == (1.0, 0.0)


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=60), st.floats(0.1, 1000), st.integers(1, 127)
)
def test_each_is_sent_once_never_early_and_within_the_limit(
    times: list[float], speed: float, sources: int
) -> None:
    requests = recorded(*sorted(times))
    found = plan(requests, speed, sources, 7)
    numbers = [each.number for source in found.by_source for each in source]
    assert sorted(numbers) == list(range(len(requests)))
    for source in found.by_source:
        for each in source:
            assert each.due >= (requests[each.number].at - requests[0].at) / speed
        for before, after in itertools.pairwise(source):
            assert after.due - before.due >= PAIR_S - 1e-9
    # Two requests each, at most so many a second.
    assert 2 / PAIR_S == PER_SOURCE


@pytest.mark.parametrize(("text", "speed"), [("10", 10.0), ("0.5", 0.5), ("1000", MAX_SPEED)])
def test_a_speed(text: str, speed: float) -> None:
    assert read_speed(text) == speed


@pytest.mark.parametrize("text", ["0", "-1", "fast", "nan", "inf", "1001", ""])
def test_no_speed(text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"SPEED={text}: not a speed: give a number"):
        read_speed(text)


def test_nothing_and_too_long() -> None:
    with pytest.raises(ConfigurationError, match="no request to send again"):
        plan([], 1.0, 1, 1)
    with pytest.raises(ConfigurationError, match="longer than a day: give a higher SPEED"):
        plan(recorded(0, 86_401), 1.0, 2, 1)
