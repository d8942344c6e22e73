"""What a kill drill comes to."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.accesslog import FIELDS, Access, parse
from gateway.exit_codes import ExitCode
from gateway.topology import Instance
from probes.drill_report import (
    Measured,
    Report,
    document,
    exit_code,
    from_document,
    lines,
    report,
    unclean,
)
from probes.drill_target import Fault, Target
from probes.steady_load import Answered
from probes.verdict import Verdict

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "probes/drill.schema.json").read_text())
VICTIM = Instance("v1-1", "v1", 8101)
KILLED = 1000.0
SECONDS = st.none() | st.floats(0, 1e3)


def access(
    at: float, upstream: str = "127.0.0.1:8102", took: float = 0.002, **changes: str
) -> Access:
    values = dict.fromkeys(FIELDS, "")
    count = upstream.count(",")
    values |= {
        "time": f"{at:.3f}",
        "status": "200",
        "request_id": "drill-1-0001",
        "bytes_sent": "10",
        "request_time": f"{took:.3f}",
        "upstream_addr": upstream,
        "upstream_status": "502, " * count + "200",
        "upstream_response_time": "0.000, " * count + "0.001",
        **changes,
    }
    return parse(json.dumps(values).encode())


def answered(status: int | None = 200, repeated: bool = False) -> Answered:
    return Answered(KILLED, 0.002, status, repeated, "" if status else "no answer")


GOOD = Measured(
    target=Target("v1-1", 4711, VICTIM),
    rate=80.0,
    sources=20,
    answers=(answered(),) * 400,
    run="drill-1-",
    accesses=(
        access(KILLED - 1, "127.0.0.1:8101"),
        access(KILLED + 0.02, "127.0.0.1:8101, 127.0.0.1:8103", 0.004),
        access(KILLED + 0.03, "127.0.0.1:8101, 127.0.0.1:8102", 0.009),
        access(KILLED + 0.04),
        access(KILLED + 2.5, "127.0.0.1:8101"),
    ),
    killed=KILLED,
    ready_again=KILLED + 2.25,
)


def changed(**values: object) -> Report:
    return report(dataclasses.replace(GOOD, **values))  # type: ignore[arg-type]


def test_a_drill_that_went_well() -> None:
    found = report(GOOD)
    assert found.verdict is Verdict.PASSED
    assert (found.sent, found.lost, found.retries) == (400, 0, 2)
    assert found.failover_s == pytest.approx(0.02)
    assert found.slowest_s == pytest.approx(0.009)
    assert found.ready_again_s == pytest.approx(2.25)
    assert found.serving_again_s == pytest.approx(2.5)
    assert found.detected_s == found.failover_s
    assert exit_code(found) is ExitCode.PASS


@pytest.mark.parametrize(
    "bad", [answered(None), answered(503), answered(200, repeated=True), answered(500)]
)
def test_one_lost_request_fails(bad: Answered) -> None:
    found = changed(answers=(*GOOD.answers, bad))
    assert found.verdict is Verdict.FAILED
    assert found.lost == 1
    assert sum(found.statuses.values()) == found.sent == 401
    assert exit_code(found) is ExitCode.FAILED


def test_an_instance_that_stays_down_fails() -> None:
    found = changed(ready_again=None)
    assert found.verdict is Verdict.FAILED
    assert found.ready_again_s is found.serving_again_s is None


def test_what_the_limit_refused_is_not_lost_but_decides_nothing() -> None:
    found = changed(answers=(*GOOD.answers, answered(429)))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.lost == 0


def test_without_a_request_to_the_dead_instance_nothing_is_decided() -> None:
    found = changed(accesses=GOOD.accesses[:1] + GOOD.accesses[3:])
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.failover_s is None


def test_a_load_that_went_wrong_by_itself_decides_nothing() -> None:
    answers = (answered(), answered(503))
    assert unclean(answers).startswith("1 of 2 requests went wrong")
    found = changed(answers=answers, killed=None, ready_again=None, accesses=())
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "before anything was killed: status 503" in found.reason
    assert (found.killed, found.lost) == (False, 0)
    assert "nobody" in "\n".join(lines(found))
    assert unclean(GOOD.answers) == ""


@pytest.mark.parametrize("killed", [KILLED, None])
def test_the_document_follows_its_schema(killed: float | None) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    found = changed(killed=killed, ready_again=None if killed is None else KILLED + 2)
    made = json.loads(json.dumps(document(found)))
    jsonschema.validate(made, SCHEMA)
    assert set(made) == set(SCHEMA["required"]) == set(SCHEMA["properties"])
    assert set(SCHEMA["properties"]["outcome"]["enum"]) == {verdict.value for verdict in Verdict}
    for key in made:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({k: v for k, v in made.items() if k != key}, SCHEMA)


@given(
    st.builds(
        Report,
        verdict=st.sampled_from(Verdict),
        rate=st.floats(0, 1e6),
        pid=st.integers(2, 1 << 22),
        sent=st.integers(0, 10**6),
        statuses=st.dictionaries(st.sampled_from(["200", "429", "503", "none"]), st.integers(0)),
        failover_s=SECONDS,
        slowest_s=SECONDS,
        ready_again_s=SECONDS,
        serving_again_s=SECONDS,
        detected_s=SECONDS,
    )
)
def test_the_document_reads_back(found: Report) -> None:
    assert from_document(json.loads(json.dumps(document(found)))) == found


@pytest.mark.parametrize(
    "wrong", [{"outcome": "splendid"}, {"pid": None}, {"statuses": 5}, {"failover_s": "soon"}]
)
def test_what_is_no_document_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        from_document(document(report(GOOD)) | wrong)
    with pytest.raises(KeyError):
        from_document({})


def test_a_drill_that_was_stopped_decides_nothing() -> None:
    before = changed(killed=None, ready_again=None, accesses=(), stopped=True)
    assert before.verdict is Verdict.INCONCLUSIVE
    assert before.reason == "stopped before anything was killed"
    after = changed(ready_again=None, stopped=True)
    assert after.verdict is Verdict.INCONCLUSIVE
    assert after.reason == "stopped before v1-1 was ready again"
    # What was lost is lost, and what was seen in full counts.
    assert changed(answers=(*GOOD.answers, answered(502)), stopped=True).verdict is Verdict.FAILED
    assert changed(stopped=True).verdict is Verdict.PASSED


def test_people_read_every_figure() -> None:
    text = "\n".join(lines(report(GOOD)))
    for figure in ("passed", "v1-1 (pid 4711)", "400 x 200", "0.020 s", "2.25 s", "2.50 s"):
        assert figure in text


def test_other_clients_count_too() -> None:
    failover, lost = (
        access(KILLED + 0.02, "127.0.0.1:8101, 127.0.0.1:8103", request_id="traffic-1"),
        access(KILLED + 0.02, request_id="traffic-2", status="502"),
    )
    # Somebody else's request was the one that met the dead instance, and was rescued.
    found = changed(accesses=(failover, access(KILLED + 0.03)))
    assert (found.verdict, found.retries, found.lost) == (Verdict.PASSED, 1, 0)
    found = changed(accesses=(failover, lost))
    assert (found.verdict, found.lost) == (Verdict.FAILED, 1)
    before = access(KILLED - 1, request_id="traffic-3", status="502")
    assert changed(accesses=(failover, before)).lost == 0


def test_who_notices_first_dates_it() -> None:
    assert changed(detected=KILLED + 0.01).detected_s == pytest.approx(0.01)
    assert changed(detected=None, accesses=()).detected_s is None


LOST = (answered(None), answered(200, repeated=True))


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("nginx-worker", Verdict.PASSED),
        ("nginx", Verdict.PASSED),
        ("exporter", Verdict.FAILED),
        ("v2-1", Verdict.FAILED),
    ],
)
def test_only_the_gateway_may_cost_requests(name: str, verdict: Verdict) -> None:
    target = Target(name, 4711, None, Fault.KILL, stable=False)
    found = changed(target=target, accesses=(), answers=(*GOOD.answers, *LOST))
    assert (found.verdict, found.lost) == (verdict, 2)
    assert "2 of 402 requests were lost" in found.reason
    unhurt = changed(target=target, accesses=())
    assert unhurt.verdict is Verdict.PASSED
    assert unhurt.reason.startswith(f"no request was lost, {name} is back")


def test_what_fails_after_the_return_fails() -> None:
    target = Target("nginx", 4711, stable=False)
    late = dataclasses.replace(answered(503), sent=KILLED + 2.25 + 0.6)
    found = changed(target=target, accesses=(), answers=(*GOOD.answers, late))
    assert found.verdict is Verdict.FAILED
    assert found.reason == "1 requests failed after nginx was back"


def test_what_needed_a_person_says_so() -> None:
    found = changed(target=Target("nginx", 4711, stable=False), accesses=())
    assert found.reason.endswith("is back by `process-compose process restart nginx`")


def test_a_document_from_before_is_of_a_kill() -> None:
    old = document(report(GOOD))
    del old["fault"], old["detected_s"]
    found = from_document(old)
    assert (found.fault, found.detected_s) == (Fault.KILL, None)


def test_a_frozen_one_is_called_so() -> None:
    frozen = dataclasses.replace(GOOD.target, fault=Fault.FREEZE)
    assert "frozen        v1-1 (pid 4711)" in lines(changed(target=frozen))
