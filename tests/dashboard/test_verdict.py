"""The verdict names cause and consequence, and is never better than the facts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.events import (
    Event,
    GatewayState,
    LogProgress,
    NginxMaster,
    ProcessStates,
    PrometheusState,
    ServiceHealth,
    SourceName,
    SourceState,
    SourceStatus,
)
from dashboard.model import Model
from dashboard.verdict import Condition, Severity, condition, judge
from gateway.supervisor import ProcessHealth, ProcessStatus
from tests.dashboard.ray_story import LOST, WELL, node, on_ray
from tests.dashboard.stories import (
    ADDRESSES,
    START,
    all_fresh,
    hit,
    model,
    process,
    processes,
)

NOW = START + 1


def well(*events: Event) -> Model:
    return model(*all_fresh(START), *events)


def says(folded: Model, now: float = NOW) -> tuple[Severity, str]:
    verdict = judge(folded, now)
    return verdict.severity, verdict.reason


def test_all_is_well() -> None:
    assert says(well(hit(), hit(START, "", 429))) == (
        Severity.OK,
        "4 of 4 instances ready; 2 requests in 1 m, none lost",
    )


def test_before_any_answer_it_asks() -> None:
    assert says(model()) == (Severity.UNKNOWN, "asking the sources")


def test_a_stack_that_is_down_says_how_to_start_it() -> None:
    absent = [SourceStatus(START, name, SourceState.ABSENT, "") for name in SourceName]
    verdict = judge(model(*absent), NOW)
    assert verdict.severity is Severity.UNKNOWN
    assert verdict.reason == "the workspace does not answer"
    assert "make start-project" in verdict.hint
    assert judge(well(*absent), NOW + 60).reason.endswith("last word 1m01s ago")


def test_a_log_alone_is_no_sign_of_life() -> None:
    absent = [SourceStatus(NOW, name, SourceState.ABSENT, "") for name in SourceName]
    log = SourceStatus(NOW, SourceName.ACCESS_LOG, SourceState.FRESH)
    assert says(well(hit(), *absent, log), NOW + 1) == (
        Severity.UNKNOWN,
        "the workspace does not answer; last word 2 s ago",
    )


def test_without_nginx_nothing_is_served() -> None:
    gone = SourceStatus(NOW, SourceName.NGINX, SourceState.ABSENT, "")
    assert says(well(hit(), gone), NOW + 2) == (
        Severity.DOWN,
        "nginx does not answer for 3.0 s: no request is served",
    )


def test_a_gateway_without_its_password_file_says_what_writes_it() -> None:
    severity, reason = says(well(hit(START, "", 403), hit(START, "", 403), hit(START, "", 401)))
    assert severity is Severity.DOWN
    assert reason.startswith("2 of 3 requests were answered 403 in 1 m: nginx finds no")
    # What an instance forbids is its own affair.
    assert says(well(hit(START, "v1-1", 403)))[0] is Severity.OK


def test_an_instance_that_starts_names_its_heirs() -> None:
    later = START + 5
    folded = well(hit(), processes(NOW, starting="v1-2"))
    assert says(folded, later) == (
        Severity.DEGRADED,
        "v1-2 not ready for 4 s; its share went to v1-1 and v1-3, no request was lost",
    )
    folded.apply(hit(later, "v1-3", 502))
    assert says(folded, later)[1].endswith("1 of 2 requests failed in 1 m")


def test_the_last_of_a_version_is_an_outage() -> None:
    assert says(well(hit(), processes(NOW, starting="v2-1")), NOW) == (
        Severity.DEGRADED,
        "v2-1 not ready for 0 s: nobody serves v2; no request was lost",
    )
    stopped = [
        replace(process(name), status=ProcessStatus.COMPLETED) for name in ("v1-1", "v1-2", "v1-3")
    ]
    stopped = [replace(found, health=ProcessHealth.NOT_READY, exit_code=-1) for found in stopped]
    severity, reason = says(well(ProcessStates(NOW, (*stopped, process("v2-1")))), NOW)
    assert severity is Severity.DOWN
    assert "nobody serves v1" in reason
    hint = judge(well(ProcessStates(NOW, (*stopped, process("v2-1")))), NOW).hint
    assert hint == "6 Processes: s on v1-1 starts it"


def test_how_long_is_not_guessed() -> None:
    folded = model(
        processes(START, starting="v1-2"),
        SourceStatus(START, SourceName.PROCESSES, SourceState.FRESH),
    )
    assert says(folded)[1].startswith("v1-2 not ready; its share went to")


def test_nginx_notices_a_dead_instance_first() -> None:
    folded = well(
        hit(
            START,
            "v1-3",
            200,
            upstream_addr="127.0.0.1:8102, 127.0.0.1:8103",
            upstream_status="502, 200",
            upstream_response_time="0.001, 0.002",
        )
    )
    assert says(folded) == (
        Severity.DEGRADED,
        "v1-2 failed 1 of its requests in 10 s; nginx asked another instance, no request was lost",
    )
    assert says(folded, START + 9.9)[0] is not Severity.OK
    assert "failed" not in says(folded, START + 10)[1]


def test_errors_name_who_made_most_of_them() -> None:
    hits = [hit() for _ in range(7)]
    failed = [hit(START, "v1-2", 500), hit(START, "v1-2", 500), hit(START, "v1-3", 502)]
    assert says(well(*hits, *failed)) == (
        Severity.DEGRADED,
        "3 of 10 requests failed in 1 m (5xx), 2 of them by v1-2",
    )
    assert says(well(*failed))[0] is Severity.DOWN
    assert says(well(*failed, hit(START + 90)), START + 95)[0] is not Severity.DOWN


def test_an_instance_slower_than_its_peers() -> None:
    quick = [hit(START, who, upstream_response_time="0.010") for who in ("v1-1", "v1-3")]
    slow = [hit(START, "v1-2", upstream_response_time="0.064")]
    severity, reason = says(well(*quick * 40, *slow * 40))
    assert severity is Severity.DEGRADED
    assert reason.startswith("v1-2 is slow: p95 64 ms, 6.4 times its peers (10 ms)")
    assert says(well(*quick * 40, *slow * 5))[0] is Severity.OK


def test_workers_without_a_master_are_named_while_they_answer() -> None:
    gone = GatewayState(START, 1, 0, None, NginxMaster(5812, alive=False))
    verdict = judge(well(hit(), gone), NOW)
    assert verdict.severity is Severity.DEGRADED
    assert verdict.reason.startswith("nginx's master process 5812 is gone: its workers answer on")
    assert "r on nginx" in verdict.hint
    for fine in (None, NginxMaster(5812, alive=True)):
        folded = well(hit(), GatewayState(START, 1, 0, None, fine))
        assert judge(folded, NOW).severity is Severity.OK


def test_a_node_of_ray_that_is_gone_is_named_while_others_answer() -> None:
    folded = well(hit(), *on_ray(START, WELL))
    assert says(folded)[0] is Severity.OK
    for event in on_ray(NOW, LOST, node("ray-2", ready=False, age=2.0)):
        folded.apply(event)
    words = "ray-2 starting for 4 s; replicas are left on ray-1"
    assert says(folded, NOW + 4) == (Severity.DEGRADED, f"{words}, no request was lost")
    folded.apply(hit(NOW, "v1-1", 502))
    assert says(folded, NOW + 4)[1] == f"{words}, 1 of 2 requests failed in 1 m"
    # An instance that is out says more, and of processes that nobody sees nothing is said.
    for event in processes(NOW, starting="v1-2"), *on_ray(NOW, None, process("v1-2", ready=False)):
        folded.apply(event)
    assert says(folded, NOW + 4)[1].startswith("v1-2 not ready for")
    assert says(well(hit(START + 60), *on_ray(START, None)), START + 61)[1].count("ray-") == 0


def test_an_alert_that_would_wake_somebody_is_no_ok() -> None:
    fires = PrometheusState(
        START, 6, 6, 12, ("PasswordGuessing", "RolloutHeld"), ("PasswordGuessing",)
    )
    assert says(well(hit(), fires)) == (Severity.DEGRADED, "alert PasswordGuessing")
    assert says(well(hit(), replace(fires, paging=())))[0] is Severity.OK
    assert says(well(hit(START + 90), fires), START + 95)[0] is not Severity.DEGRADED, "long ago"
    # What the log says itself names the cause better.
    assert "failed in 1 m" in says(well(hit(START, "v1-2", 500), fires))[1]


def test_silence_offers_traffic() -> None:
    folded = well(hit())
    fresh: list[Event] = [SourceStatus(START + 60, name, SourceState.FRESH) for name in SourceName]
    for event in [*fresh, processes(START + 60)]:
        folded.apply(event)
    verdict = judge(folded, START + 60)
    assert verdict.severity is Severity.SILENT
    assert verdict.reason == "4 of 4 instances ready, no request for 1m00s"
    assert verdict.hint == "start traffic: `make traffic`, or g here"
    folded.apply(LogProgress(START + 60, False, 0))
    assert judge(folded, START + 60).severity is Severity.OK


@pytest.mark.parametrize(
    ("status", "health", "age", "exit_code", "expected"),
    [
        (ProcessStatus.RUNNING, ProcessHealth.READY, 50, 0, Condition.READY),
        (ProcessStatus.RUNNING, ProcessHealth.NOT_READY, 2, 0, Condition.STARTING),
        (ProcessStatus.RUNNING, ProcessHealth.NOT_READY, 50, 0, Condition.NOT_READY),
        (ProcessStatus.RESTARTING, ProcessHealth.READY, 50, 0, Condition.STARTING),
        (ProcessStatus.PENDING, ProcessHealth.NOT_READY, 0, 0, Condition.STARTING),
        (ProcessStatus.COMPLETED, ProcessHealth.NOT_READY, 0, -1, Condition.STOPPED),
        (ProcessStatus.COMPLETED, ProcessHealth.NO_PROBE, 0, 0, Condition.STOPPED),
        (ProcessStatus.ERROR, ProcessHealth.NOT_READY, 0, 1, Condition.DOWN),
        (ProcessStatus.SKIPPED, ProcessHealth.NOT_READY, 0, 0, Condition.DOWN),
    ],
)
def test_what_an_instance_does(
    status: ProcessStatus,
    health: ProcessHealth,
    age: float,
    exit_code: int,
    expected: Condition,
) -> None:
    found = replace(process("v1-1"), status=status, health=health, age=age, exit_code=exit_code)
    folded = model(
        ProcessStates(START, (found,)),
        SourceStatus(START, SourceName.PROCESSES, SourceState.FRESH),
    )
    assert condition(folded, "v1-1", NOW) is expected


def test_stale_states_are_not_shown_as_the_present() -> None:
    folded = well()
    later = START + 7
    assert condition(folded, "v1-1", later) is Condition.READY  # by its own word, 7 s old
    assert condition(folded, "v1-1", START + 60) is Condition.UNKNOWN
    health = ServiceHealth(START + 60, tuple(ADDRESSES)[1:], ("v1-1",))
    folded.apply(health)
    folded.apply(SourceStatus(START + 60, SourceName.SERVICES, SourceState.FRESH))
    assert condition(folded, "v1-1", START + 60) is Condition.DOWN
    assert condition(folded, "v1-2", START + 60) is Condition.READY


@pytest.mark.parametrize("name", ["v1-9", "v1-1", "evil"])
def test_a_stranger_at_the_port_of_an_instance(name: str) -> None:
    at_its_port = {"upstream_addr": ADDRESSES["v1-3"]}
    folded = well(hit(START, "v1-1"), hit(START, name, **at_its_port))
    severity, reason = says(folded)
    assert severity is Severity.DOWN
    assert reason == (
        "1 of 2 requests in 10 s were answered at 127.0.0.1:8103 by somebody who is not v1-3"
    )
    assert "canary --drain v1-3" in judge(folded, NOW).hint
    # What was is not what is.
    assert says(folded, NOW + 10)[0] is not Severity.DOWN


def test_who_never_gave_a_name_is_no_stranger() -> None:
    """Not every server adds X-Instance; one that did and does not any more is another one."""
    nameless = hit(START, "v1-3", instance="")
    assert says(well(nameless, nameless))[0] is Severity.OK
    assert says(well(hit(START, "v1-3"), nameless))[0] is Severity.DOWN
    # Errors that nginx gives in the stead of an instance have no name either.
    assert "somebody" not in says(well(hit(START, "v1-3"), hit(START, "v1-3", 502, instance="")))[1]


@pytest.mark.parametrize(
    ("stopped", "reason"),
    [
        ((5812,), "nginx's master process 5812 is stopped: its workers answer on, "),
        ((5812, 5813), "nginx's master process 5812 is stopped: its workers answer on, "),
        ((5813,), "of nginx's workers 5813 is stopped: who is connected to it waits"),
    ],
)
def test_a_process_of_nginx_that_is_stopped(stopped: tuple[int, ...], reason: str) -> None:
    state = GatewayState(START, 1, 0, None, NginxMaster(5812, True, stopped))
    verdict = judge(well(hit(), state), NOW)
    assert verdict.severity is Severity.DEGRADED
    assert verdict.reason.startswith(reason)
    assert f"kill -CONT {' '.join(map(str, stopped))}`" in verdict.hint
