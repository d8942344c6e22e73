"""What a screen says about a rollout, compared with what the guardrails do."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from rollout import words
from rollout.alone import OutageRule
from rollout.outlook import coming, guards, seconds_to_see, seconds_to_see_outage, sees
from rollout.state import Cause, Phase
from tests.rollout.worlds import BROKEN, FACTS, PLAN, START, held, seen, state

NOW = START + 60.0


def test_what_so_much_traffic_shows() -> None:
    found = seen(rate_v2=2.1)
    assert sees(PLAN, state(), found, NOW) == (
        "at 2.1 v2 requests/s: v2 down is seen in about 11 s, v2 failing 20 % in about 24 s "
        "(10 failures)"
    )
    assert "nobody is left to compare with" in sees(PLAN, state(weight=100), seen(100), NOW)
    assert "no request for v2" in sees(PLAN, state(), seen(rate_v2=0.0), NOW)
    assert "just begun" in sees(PLAN, state(), seen(rate_v2=0.0), START + 1)
    assert sees(PLAN, state(), found, START + 1).startswith("at 2.1 v2 requests/s")
    assert "answers nobody" in sees(PLAN, state(Phase.SHADOW, 0), seen(0), NOW)


def test_how_long_it_takes_is_what_the_simulation_says() -> None:
    # Median of docs/statistics.md at 12.5 v2 requests/s; without any failure of v1.
    assert seconds_to_see(PLAN, 25, 12.5, 0.2) == pytest.approx(4.0)
    assert seconds_to_see(PLAN, 100, 50.0, 0.2) == pytest.approx(1.96, abs=0.1)
    assert seconds_to_see(PLAN, 25, 0.0, 0.2) == math.inf
    assert seconds_to_see_outage(PLAN, 12.5) == pytest.approx(0.08 + 3 * 3.08)
    patient = replace(PLAN, guardrails=replace(PLAN.guardrails, outage=OutageRule(2, 30.0)))
    assert seconds_to_see_outage(patient, 12.5) == pytest.approx(30.08)


def test_every_guardrail_has_a_line() -> None:
    calm = guards(PLAN, seen(failed=replace(BROKEN, log_e=math.log(1000) / 2, reached=False)))
    assert [guard.name for guard in calm] == [
        "v2 answers",
        "failed attempts are v2's",
        "hard stop",
        "slow answers are v2's",
        "restarts",
    ]
    assert calm[1].progress == pytest.approx(0.5)
    assert calm[1].now == "10 failed, 10 on v2"
    assert calm[1].when == "more than 2x v1's rate"
    assert calm[2].now == "0.0 % of 1,000 attempts"
    assert "slow (> 4.0 ms), " in calm[3].now
    assert guards(PLAN, seen(failed=BROKEN, outage=True))[0].progress == 1
    assert guards(PLAN, seen(failed=BROKEN))[1].progress == 1
    assert guards(PLAN, seen(), 3)[4].progress == 1
    nobody = replace(BROKEN, void=True)
    void = guards(PLAN, seen(100, failed=nobody, slow=nobody, slow_over=None))
    assert (void[1].progress, void[1].evidence) == (0, "not measured")
    assert void[1].when == "never at this weight"
    assert (void[1].now, void[3].now) == ("nobody to compare with",) * 2
    assert guards(PLAN, seen(slow_over=None))[3].now == "not measured: too few answers of v1"
    assert guards(PLAN, seen(fallbacks=1))[0].now == "1 canary request went to v1"
    assert guards(PLAN, seen(fallbacks=1200))[0].now == "1,200 canary requests went to v1"


def test_what_comes_next() -> None:
    found = seen(users_v2=10, warm_at=START + 30)
    # 40 more users at 10 in 30 s take 2 minutes, longer than the time that is left to observe.
    assert coming(PLAN, state(), FACTS, found, NOW) == "50 % in about 2 m 00 s, if nothing changes"
    never = coming(PLAN, state(), FACTS, replace(found, users_v2=0), NOW)
    assert never == "50 % not yet (0 of 50 users of v2); HOLD in 9 m 00 s"
    late = coming(PLAN, state(), FACTS, found, START + 590)
    assert late.startswith("50 % not yet (10 of 50 users of v2); HOLD in 10 s")
    assert coming(PLAN, state(), FACTS, seen(), START + 200).startswith("50 % in about 0 s")
    assert "(split)" in coming(PLAN, held(cause=Cause.SPLIT), FACTS, found, NOW)
    assert coming(PLAN, state(Phase.BASELINE, 0), FACTS, seen(0), NOW).startswith("shadow of 20 %")
    assert coming(PLAN, state(weight=100), FACTS, seen(100), NOW).startswith("promoted in about")
    assert coming(PLAN, state(Phase.PROMOTED, 100), FACTS, seen(100), NOW).startswith("finish")
    assert coming(PLAN, state(Phase.FINISHED, 0), FACTS, seen(0), NOW).startswith("nothing")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.6, "1 m 00 s"), (422, "7 m 02 s"), (7500, "2 h 05 m")]
)
def test_durations(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.3, "0.3"), (14.2, "14"), (2400.0, "2,400"), (1e9, "10^9")]
)
def test_evidence_for_reading(value: float, text: str) -> None:
    assert words.plain(math.log(value)) == text
