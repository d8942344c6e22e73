"""N requests in are N requests shown: by instance, by status, in every window."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.events import (
    Event,
    Hit,
    LogProgress,
    Marked,
    ProcessStates,
    SourceName,
    SourceState,
    SourceStatus,
)
from dashboard.model import RECENT, Model
from dashboard.tally import ALL, GATEWAY, milliseconds
from dashboard.window import Window
from tests.dashboard.stories import ADDRESSES, START, WORKSPACE, access, hit, model, process

REQUESTS = st.tuples(
    st.floats(0, 400).map(lambda seconds: round(START + seconds, 3)),
    st.sampled_from([*ADDRESSES, "v9-9", GATEWAY]),
    st.sampled_from([200, 204, 301, 401, 404, 422, 429, 502, 503]),
)


@given(st.lists(REQUESTS, max_size=60), st.floats(0, 30))
def test_every_window_holds_what_the_log_holds(
    requests: list[tuple[float, str, int]], later: float
) -> None:
    requests = sorted(requests)
    folded = model(*(hit(*request) for request in requests))
    now = max([START, *(at for at, _, _ in requests)]) + later

    for window in Window:
        first = 0 if window is Window.ALL else int(now) - window.value + 1
        expected = Counter((who, status) for at, who, status in requests if int(at) >= first)
        assert folded.window(window, now).answers == expected
        assert folded.window(window, now).total() == expected.total()


@given(st.lists(REQUESTS, max_size=30), st.lists(REQUESTS, max_size=30))
def test_after_a_mark_all_is_what_came_since(
    before: list[tuple[float, str, int]], after: list[tuple[float, str, int]]
) -> None:
    folded = model(*(hit(*request) for request in before), Marked(START + 40, True))
    for request in after:
        folded.apply(hit(*request))
    alone = model(*(hit(*request) for request in after)).totals
    since = folded.window(Window.ALL, START + 60)
    assert since.answers == alone.answers
    assert since.latency == alone.latency
    assert (since.retries, since.redirects) == (alone.retries, alone.redirects)
    assert folded.window_seconds(Window.ALL, START + 60) == 20
    assert folded.copy().window(Window.ALL, START + 60).answers == alone.answers
    folded.apply(Marked(START + 61, False))
    assert folded.window(Window.ALL, START + 61).total() == len(before) + len(after)


def test_the_rate_of_all_is_that_of_the_whole_log() -> None:
    # Longer ago than requests are kept by second.
    folded = model(*(hit(START + second) for second in range(0, 1000, 2)))
    assert folded.window_seconds(Window.ALL, START + 1000) == 1000
    assert folded.window(Window.ALL, START + 1000).total() == 500


@given(st.lists(REQUESTS, min_size=1, max_size=30), st.randoms())
def test_the_order_of_late_lines_does_not_matter(
    requests: list[tuple[float, str, int]], random: object
) -> None:
    shuffled = list(requests)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis types it as object
    now = max(at for at, _, _ in requests)
    one = model(*(hit(*request) for request in requests)).window(Window.MINUTE, now)
    other = model(*(hit(*request) for request in shuffled)).window(Window.MINUTE, now)
    assert one.answers == other.answers
    assert one.latency == other.latency


@given(st.lists(st.integers(0, 999), min_size=1), st.sampled_from([50, 95, 99]))
def test_a_percentile_is_that_of_the_sorted_durations(durations: list[int], percent: int) -> None:
    folded = model(*(hit(request_time=f"{ms / 1000:.3f}") for ms in durations))
    rank = max(1, -(-len(durations) * percent // 100))
    found = folded.window(Window.ALL, START).percentile(ALL, percent)
    assert found == sorted(durations)[rank - 1]


def test_nothing_was_measured_of_nobody() -> None:
    assert model().totals.percentile("v1-1", 50) is None


@given(st.floats(0, 1e6))
def test_long_durations_keep_two_digits(seconds: float) -> None:
    exact = round(seconds * 1000)
    found = milliseconds(seconds)
    assert found <= exact
    assert exact - found <= exact * 0.1


def test_a_retry_counts_for_who_failed_and_the_answer_for_who_gave_it() -> None:
    folded = model(
        hit(
            START,
            "v1-3",
            upstream_addr="127.0.0.1:8102, 127.0.0.1:8103",
            upstream_status="502, 200",
            upstream_response_time="0.001, 0.002",
        )
    )
    assert folded.totals.retries == {"v1-2": 1}
    assert folded.totals.answers == {("v1-3", 200): 1}


def test_a_failure_without_instance_header_counts_for_the_address() -> None:
    folded = model(hit(START, "v1-2", 502, instance=""))
    assert folded.totals.answers == {("v1-2", 502): 1}


def test_memory_is_bounded_whatever_the_log_names() -> None:
    folded = Model()
    for number in range(RECENT + 500):
        folded.apply(hit(START + number, "", upstream_addr=f"10.0.0.1:{number}"))
    assert len(folded.seconds) <= 301
    assert len(folded.recent) == RECENT
    assert len(folded.totals.answers) <= 65
    assert folded.totals.total() == RECENT + 500


def test_a_clock_that_is_set_back_hides_nothing() -> None:
    hour = 3600.0
    before = [hit(START + hour + second) for second in range(400)]
    folded = model(*before, *(hit(START + second) for second in range(20)))
    assert folded.window(Window.TEN_SECONDS, START + 19.9).total() == 10
    assert folded.window(Window.FIVE_MINUTES, START + 19.9).total() == 20
    assert len(folded.seconds) <= 301
    assert folded.last_hit_at == START + 19
    # And forward again, as over a leap: what is older than the window is out of it.
    folded.apply(hit(START + hour + 900))
    assert folded.window(Window.FIVE_MINUTES, START + hour + 900).total() == 1


def test_one_line_of_the_future_is_counted_and_does_not_stop_the_clock() -> None:
    future = Hit(START + 1, access(START + 1e8))
    folded = model(hit(START), future, hit(START + 2))
    assert folded.totals.total() == 3
    assert folded.window(Window.MINUTE, START + 2).total() == 2
    assert folded.last_hit_at == START + 2


def test_counts_go_on_when_a_source_comes_back() -> None:
    gone = SourceStatus(START + 1, SourceName.ACCESS_LOG, SourceState.ABSENT, "no log")
    back: list[Event] = [SourceStatus(START + 9, SourceName.ACCESS_LOG, SourceState.FRESH)]
    folded = model(hit(), gone, *back, LogProgress(START + 9, True, 0), hit(START + 9))
    assert folded.totals.total("v1-1") == 2
    assert folded.age(SourceName.ACCESS_LOG, START + 12) == pytest.approx(3)
    assert folded.age(SourceName.NGINX, START) is None


def test_readiness_is_dated_by_its_change() -> None:
    def states(at: float, *, ready: bool) -> ProcessStates:
        return ProcessStates(at, (process("v1-1", ready=ready),))

    folded = model(
        states(START, ready=True), states(START + 1, ready=False), states(START + 2, ready=False)
    )
    assert folded.ready_since["v1-1"] == (False, START + 1)


def test_a_copy_stays_as_it_was() -> None:
    folded = model(hit(), hit(START + 1, "v2-1"))
    frozen = folded.copy()
    folded.apply(hit(START + 1, "v1-1", 500))
    assert frozen.window(Window.MINUTE, START + 1).total() == 2
    assert frozen.totals.total() == len(frozen.recent) == frozen.hits == 2
    assert folded.totals.total() == 3
    frozen.apply(hit())
    assert folded.totals.total() == 3


def test_rates_are_of_complete_seconds() -> None:
    folded = model(hit(START), hit(START), hit(START + 2), hit(START + 3.5))
    assert folded.rates("v1-1", START + 3.9, 4) == [0, 2, 0, 1]
    assert folded.rates(None, START + 3.9, 2) == [0, 1]
    assert folded.statuses_by_second(START + 3, 3) == {
        2: [2, 0, 1],
        3: [0, 0, 0],
        4: [0, 0, 0],
        5: [0, 0, 0],
    }


def test_windows_follow_one_another() -> None:
    assert [window.label for window in Window] == ["10 s", "1 m", "5 m", "all"]
    assert Window.ALL.next is Window.TEN_SECONDS


def test_declared_instances_have_their_version() -> None:
    assert model().version_of("v2-1") == "v2"
    assert model().version_of("else") == ""
    assert model().answered_by(access(START, "")) == GATEWAY
    assert WORKSPACE.instances[0].address == ADDRESSES["v1-1"]
