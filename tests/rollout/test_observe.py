"""Lines of the logs folded into observations: what counts, for whom, and what is left out."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest

from gateway.accesslog import Access, parse
from gateway.shadow_log import Shadow
from rollout.observe import Observations, Observer
from tests.gateway.access_lines import NOT_PROXIED, line
from tests.rollout.worlds import PLAN, START

V1, V2 = "127.0.0.1:8101", "127.0.0.1:8201"
VERSIONS = {V1: "v1", "127.0.0.1:8102": "v1", V2: "v2"}
WARM = START + PLAN.warm_up + 5
numbers = itertools.count()


def observer(weight: int = 25) -> Observer:
    return Observer(PLAN, weight, START, START, VERSIONS)


def access(at: float = WARM, cohort: str = "canary", asked: str = "", **changes: str) -> Access:
    """A request; `asked` is "ADDRESS STATUS TIME" for each attempt, with ", " between them."""
    asked = asked or f"{V2 if cohort in ('canary', 'debug') else V1} 200 0.002"
    attempts = [one.split() for one in asked.split(", ")]
    values = {
        "time": f"{at:.3f}",
        "request_id": f"request-{next(numbers):08d}",
        "user_id": f"user-{next(numbers)}",
        "cohort": cohort,
        "upstream_addr": ", ".join(one[0] for one in attempts),
        "upstream_status": ", ".join(one[1] for one in attempts),
        "upstream_response_time": ", ".join(one[2] for one in attempts),
    }
    return parse(line(**{**values, **changes}))


def seen(*lines: Access, weight: int = 25) -> Observations:
    watching = observer(weight)
    for one in lines:
        watching.request(one)
    return watching.snapshot()


def test_requests_attempts_and_users_of_both() -> None:
    found = seen(access(), access(cohort="v1"), access(cohort="v1", user_id="user-x"))
    assert (found.requests_v1, found.requests_v2) == (2, 1)
    assert (found.attempts_v1, found.attempts_v2, found.failed_v1, found.failed_v2) == (2, 1, 0, 0)
    assert (found.split.v1, found.split.v2, found.users_v2) == (2, 1, 1)
    assert found.last_request == WARM


@pytest.mark.parametrize("cohort", ["debug", "control"])
def test_who_chose_a_version_is_not_counted(cohort: str) -> None:
    lines = [access(WARM + n, cohort, f"{V2} 500 0.002", status="500") for n in range(200)]
    assert seen(*lines) == seen()


def test_what_no_instance_was_asked_is_not_counted() -> None:
    assert seen(parse(line(time=f"{WARM:.3f}", status="429", **NOT_PROXIED))) == seen()


def test_what_ended_or_began_before_its_time_is_left_out() -> None:
    slow = access(START + 1, request_time="1.001")
    assert seen(slow) == seen()
    warming = access(START + 29.9, request_time="0.003")
    found = seen(warming)
    assert (found.requests_v2, found.last_request) == (0, START + 29.9)
    assert seen(access(START + 30.1, request_time="0.2")).requests_v2 == 0
    assert seen(access(START + 30.1, request_time="0.1")).requests_v2 == 1


def test_a_restart_is_a_warm_up_too() -> None:
    watching = observer()
    watching.restarted(WARM)
    watching.request(access(WARM + 29, asked=f"{V2} 500 0.001", status="500"))
    watching.request(access(WARM + 31))
    found = watching.snapshot()
    assert (found.requests_v2, found.failed_v2, found.warm_at) == (1, 0, WARM + 30)


@pytest.mark.parametrize(
    ("asked", "status", "failed"),
    [
        (f"{V2} 200 0.002", "200", 0),
        (f"{V2} 422 0.002", "422", 0),
        (f"{V2} 500 0.002", "500", 1),
        (f"{V2} 504 2.000", "504", 1),
        (f"{V2} - 0.002", "502", 1),
        (f"{V2} - 0.002", "499", 0),  # the client left
        (f"{V2} 502 0.001, {V1} 200 0.002", "200", 1),  # nobody noticed
        (f"{V2} - 0.001, {V1} - 0.002", "499", 1),
        ("api_v2_canary 502 0.000", "502", 1),  # none of its servers was to be had
    ],
)
def test_an_attempt_counts_not_what_the_client_saw(asked: str, status: str, failed: int) -> None:
    found = seen(access(asked=asked, status=status))
    assert (found.attempts_v2, found.failed_v2) == (1, failed)
    assert found.failed.v2 == failed
    assert found.fallbacks == (V1 in asked)


def test_every_attempt_of_v1_counts() -> None:
    asked = f"{V1} 502 0.001, 127.0.0.1:8102 503 0.001, 127.0.0.1:8103 200 0.002"
    found = seen(access(cohort="v1", asked=asked))
    # 8103 is not among the versions here: whose it is says the cohort.
    assert (found.attempts_v1, found.failed_v1, found.fallbacks) == (3, 2, 0)


def test_v2_killed_outright_is_an_outage_and_one_lost_connection_is_none() -> None:
    def dead(rounds: int) -> list[Access]:
        lines = []
        for second in range(2 * rounds):
            real = f"{V2} 502 0.000, {V1} 200 0.002" if second % 2 == 0 else f"{V1} 200 0.002"
            lines.append(access(WARM + second, asked=real))
            lines += [access(WARM + second + n / 12, asked=f"{V1} 200 0.002") for n in range(1, 12)]
        return lines

    found = seen(*dead(4))
    assert found.outage
    assert (found.outage_attempts, found.fallbacks) == (4, 96)
    assert found.outage_seconds <= 10
    lone = seen(*dead(1), access(WARM + 3))
    assert (lone.outage, lone.outage_attempts, lone.failed.v2) == (False, 0, 1)
    assert lone.fallbacks == 24


def test_an_outage_is_seen_in_the_warm_up() -> None:
    lines = [
        access(START + 2 * n, asked=f"{V2} 502 0.000, {V1} 200 0.002", request_time="0.000")
        for n in range(5)
    ]
    found = seen(*lines)
    assert found.outage
    assert found.requests_v2 == 0


def test_failures_of_many_users_reach_the_guardrails_and_of_one_do_not() -> None:
    bad = [access(WARM + n / 10, asked=f"{V2} 500 0.002", status="500") for n in range(100)]
    found = seen(*bad)
    assert found.failed.reached
    assert found.hard_stop.reached
    one = seen(*(one._replace(user_id="user-poison") for one in bad))
    assert not one.failed.reached
    assert not one.hard_stop.reached
    assert one.failed_v2 == 100
    alone = seen(*bad, weight=100)
    assert alone.failed.void
    assert alone.hard_stop.reached


def test_a_slower_v2_is_seen() -> None:
    lines = []
    for n in range(4000):
        v2 = n % 4 == 0
        time = "0.004" if v2 else "0.002"
        address = V2 if v2 else V1
        lines.append(access(WARM + n / 50, "canary" if v2 else "v1", asked=f"{address} 200 {time}"))
    found = seen(*lines)
    assert found.slow.reached
    assert 0.0028 < (found.slow_over or 0) < 0.003  # 90 % of the way through the millisecond
    assert not found.failed.reached


def test_a_client_that_left_has_waited() -> None:
    lines = [access(WARM, "v1") for _ in range(60)]
    gone = access(asked=f"{V2} - -", status="499", request_time="1.500")
    assert seen(*lines, gone).slow.v2 == 1
    retried = access(asked=f"{V2} 502 0.001, {V1} 200 1.500", request_time="1.501")
    elsewhere = access(asked=f"{V1} 200 1.500", request_time="1.501")
    failed = access(asked=f"{V2} 504 2.000", status="504", request_time="2.001")
    for other in (retried, elsewhere, failed):
        assert seen(*lines, other).slow.v2 == 0


def test_without_a_name_a_user_is_an_address_and_not_in_the_split() -> None:
    lines = [access(user_id="", remote_addr=f"127.0.1.{n % 3}") for n in range(30)]
    found = seen(*lines)
    assert (found.users_v2, found.split.v2) == (3, 0)


def test_requests_per_second_are_of_the_last_minute() -> None:
    watching = observer()
    for n in range(1800):
        watching.request(access(START + n / 10, "v1" if n % 5 else "canary"))
    found = watching.snapshot()
    assert found.rate == pytest.approx(10, rel=0.05)
    assert found.rate_v2 == pytest.approx(2, rel=0.05)
    assert len(watching._seconds) <= 121
    fresh = observer()
    for n in range(50):
        fresh.request(access(START + n / 10, "v1"))
    assert fresh.snapshot().rate == pytest.approx(10, rel=0.05)


def test_one_line_of_the_future_stops_nothing() -> None:
    watching = observer()
    for n in range(1200):
        watching.request(access(START + n / 10 + (1e6 if n == 600 else 0), "v1"))
    found = watching.snapshot()
    assert found.last_request == START + 119.9
    assert found.rate == pytest.approx(10, rel=0.05)


def test_copies_are_joined_with_their_originals() -> None:
    watching = observer(0)
    for n in range(10):
        watching.request(access(WARM, "v1", request_id=f"pair-{n:08d}", prediction="good"))
        said = "good" if n < 7 else "bad"
        watching.copy(Shadow(WARM, f"pair-{n:08d}", 200 if n < 9 else 500, "v2-1", V2, said))
    watching.copy(Shadow(START - 1, "early-00000001", 500, "v2-1", V2, ""))
    found = watching.snapshot()
    assert (found.shadow_pairs, found.shadow_same, found.shadow_failed) == (9, 7, 1)


def test_a_lone_failure_rolls_nothing_back() -> None:
    for weight in (5, 25, 50, 100):
        bad = access(asked=f"{V2} 500 0.002", status="500")
        found = seen(bad, *(access(WARM + 1 + n / 50) for n in range(100)), weight=weight)
        reached = (found.failed.reached, found.hard_stop.reached, found.outage)
        assert reached == (False, False, False)
        assert replace(found.failed).log_e < math.log(1000) / 2
