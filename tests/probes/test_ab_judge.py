"""What an A/B run is said to have shown, for runs whose truth is known."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from typing import Any

import pytest

from probes.ab_judge import Judgements
from probes.ab_run import ask_pair
from probes.ab_tally import MAX_DISAGREEMENTS, Tally, word
from probes.verdict import Judgement, Verdict, worst
from tests.probes.ab_standin import (
    TOPOLOGY,
    WORKLOAD,
    Change,
    FakeClient,
    allowance,
    measured,
    texts,
)

Fields = dict[str, Any]


def judged(change: Change | None = None, **options: Any) -> Judgements:
    return measured(change, **options).judgements


def opposite(fields: Fields) -> None:
    right = fields["body"]["prediction"]
    fields["body"]["prediction"] = "bad" if right == "good" else "good"


def number(text: str) -> int:
    return int(text.split()[-1])


def v2_slower(version: str, text: str, fields: Fields) -> None:
    fields["seconds"] *= 1.5 if version == "v2" else 1


def v1_wrong_often(version: str, text: str, fields: Fields) -> None:
    if version == "v1" and number(text) % 3 == 0:
        opposite(fields)


def v2_wrong_often(version: str, text: str, fields: Fields) -> None:
    if version == "v2" and number(text) % 3 == 0:
        opposite(fields)


def v2_dead(version: str, text: str, fields: Fields) -> None:
    if version == "v2":
        fields |= {"status": 503, "instance": "", "body": {"detail": "no"}}


def limited(version: str, text: str, fields: Fields) -> None:
    if number(text) == 7:
        fields |= {"status": 429, "instance": "", "body": {"detail": "slower"}}


def misrouted_once(version: str, text: str, fields: Fields) -> None:
    if version == "v2" and number(text) == 7:
        fields["instance"] = "v1-1"


def misrouted_unseen(version: str, text: str, fields: Fields) -> None:
    if version == "v1" and number(text) == 7:
        fields["body"]["version"] = "v2"


def test_a_better_v2_passes() -> None:
    found = judged(v1_wrong_often)
    assert found.quality.verdict is Verdict.PASSED
    assert "labels v2 alone is right in 67, v1 alone in 0, exact p" in found.quality.reason
    assert found.latency.verdict is found.routing.verdict is found.noise.verdict is Verdict.PASSED
    assert found.routing.reason == (
        "v1: 400 of 400 by X-Instance, 400 of 400 by the version in the body; "
        "v2: 200 of 200 by X-Instance, 200 of 200 by the version in the body"
    )
    assert found.overall.verdict is Verdict.PASSED
    assert "v2 is more often right" in found.overall.reason
    assert "not more than 20 % slower" in found.overall.reason


def test_a_worse_v2_fails() -> None:
    found = judged(v2_wrong_often)
    assert found.quality.verdict is found.overall.verdict is Verdict.FAILED
    assert found.overall.reason.startswith("v1 is more often right")


def test_two_equal_versions_are_inconclusive_not_passed() -> None:
    found = judged()
    assert found.quality.verdict is found.overall.verdict is Verdict.INCONCLUSIVE
    assert "no difference shown" in found.overall.reason


def test_without_labels_quality_is_not_measured() -> None:
    found = judged(v1_wrong_often, labelled=False)
    assert found.quality.verdict is found.overall.verdict is Verdict.NOT_MEASURED
    assert "agreement between versions is not quality" in found.overall.reason


def test_a_slow_v2_fails() -> None:
    found = judged(v2_slower)
    assert found.latency.verdict is found.overall.verdict is Verdict.FAILED
    assert "v2 is more than 20 % slower than v1 (median ratio 1.5" in found.latency.reason
    assert found.noise.verdict is Verdict.PASSED


def test_few_pairs_do_not_decide_about_time() -> None:
    found = judged(count=3)
    assert found.latency.verdict is Verdict.INCONCLUSIVE
    assert "too few for limits" in found.latency.reason


def test_where_v1_is_slower_than_itself_nothing_is_said_about_v2() -> None:
    run = measured(v2_slower)
    run.tally.noise.slower = run.tally.versus.slower
    found = run.judgements
    assert found.noise.verdict is Verdict.FAILED
    assert found.latency.verdict is Verdict.INCONCLUSIVE
    assert "than itself" in found.latency.reason


def test_a_v1_that_contradicts_itself_is_seen_in_the_noise() -> None:
    calls: Counter[str] = Counter()

    def moody(version: str, text: str, fields: Fields) -> None:
        calls[version + text] += 1
        if version == "v1" and number(text) == 5 and calls[version + text] == 2:
            opposite(fields)

    found = judged(moody)
    assert found.noise.verdict is Verdict.FAILED
    assert "agrees in 99.5 %" in found.noise.reason


@pytest.mark.parametrize("change", [misrouted_once, misrouted_unseen])
def test_one_answer_of_the_wrong_version_is_enough(change: Change) -> None:
    found = judged(change)
    assert found.routing.verdict is found.overall.verdict is Verdict.FAILED
    assert "199 of 200" in found.routing.reason or "398 of 400" in found.routing.reason


def test_a_dead_v2_fails_and_nothing_else_is_claimed() -> None:
    found = judged(v2_dead)
    assert found.overall == Judgement(Verdict.FAILED, "v2: 200 x 503")
    unknown = (found.routing, found.latency, found.quality, found.noise)
    assert {each.verdict for each in unknown} == {Verdict.NOT_MEASURED}


def test_our_own_limit_is_an_error_not_a_failure() -> None:
    found = judged(limited)
    assert found.overall.verdict is Verdict.ERROR
    assert "2 x 429" in found.overall.reason
    # What was answered was compared all the same.
    assert found.routing.verdict is Verdict.PASSED


def test_a_gateway_that_went_away_is_an_error() -> None:
    assert judged(stopped="gone").overall == Judgement(Verdict.ERROR, "gone")


def test_an_answer_that_is_not_where_the_workload_says() -> None:
    def moved(version: str, text: str, fields: Fields) -> None:
        if version == "v2":
            del fields["body"]["prediction"]

    found = judged(moved)
    assert found.answers.verdict is Verdict.FAILED
    assert "'/prediction'" in found.answers.reason


def test_nothing_asked() -> None:
    found = judged(count=1, stopped="")
    assert found.quality.verdict is Verdict.INCONCLUSIVE
    empty = dataclasses.replace(
        measured(count=1), tally=Tally("/prediction", TOPOLOGY.served, 1, 0.2)
    )
    assert empty.judgements.overall.verdict is Verdict.NOT_MEASURED


def test_repeated_requests_have_no_time() -> None:
    def repeated(version: str, text: str, fields: Fields) -> None:
        fields["retried"] = version == "v2"

    run = measured(repeated)
    assert run.tally.versus.log_ratios == []
    assert run.tally.versus.matrix.total() == 200
    assert run.judgements.latency.verdict is Verdict.NOT_MEASURED


def test_disagreements_are_kept_with_their_labels() -> None:
    tally = measured(v1_wrong_often).tally
    assert len(tally.disagreements) == 67 < MAX_DISAGREEMENTS
    assert all(each.second == each.label != each.first for each in tally.disagreements)
    assert tally.quality.both == 133


def test_words_of_answers_that_are_no_text() -> None:
    assert [word(x) for x in ("1", 1, True, None, {"b": 1, "a": 2})] == [
        "1",
        "1",
        "true",
        "null",
        '{"a": 2, "b": 1}',
    ]


def test_the_worst_speaks_for_all() -> None:
    order = [Verdict.PASSED, Verdict.NOT_MEASURED, Verdict.INCONCLUSIVE, Verdict.FAILED]
    for better, worse in zip(order, [*order[1:], Verdict.ERROR], strict=True):
        found = worst([Judgement(better, "a"), Judgement(worse, "b"), Judgement(worse, "c")])
        assert found == Judgement(worse, "b")


def test_what_a_person_typed_is_a_pair_with_both_bodies() -> None:
    draw = random.Random(1)  # noqa: S311
    pair = ask_pair(FakeClient(), WORKLOAD, 0, texts(1)[0], allowance(), draw)
    assert (pair.first.body["version"], pair.second.body["version"]) == ("v1", "v2")
