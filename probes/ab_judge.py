"""What an A/B run has shown: one judgement a question, and one for all of them. Pure."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus

from probes.ab_tally import Comparison, Routing, Tally
from probes.labelling import Labelling
from probes.verdict import Judgement, Verdict, worst
from rollout.evidence import Direction, agreement, mcnemar_exact, median_interval

_OURS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)
"""Statuses that say something about the probe, not about a version."""


@dataclass(frozen=True, slots=True)
class Judgements:
    """The questions in the order in which a person asks them."""

    answers: Judgement
    routing: Judgement
    latency: Judgement
    quality: Judgement
    noise: Judgement
    """The A/A row. What it says about the machine limits `latency`, it is no verdict on v2."""

    @property
    def overall(self) -> Judgement:
        """Whether the second version may take the place of the first."""
        found = worst((self.answers, self.routing, self.latency, self.quality))
        if found.verdict is Verdict.PASSED:
            return Judgement(found.verdict, f"{self.quality.reason}; {self.latency.reason}")
        return found


def judge(tally: Tally, stopped: str = "", labelling: Labelling | None = None) -> Judgements:
    """What is known now; `stopped` says why nothing more will come, "" if nothing went wrong.

    `labelling` is what a person has said; it counts where the corpus has no labels.
    """
    noise = _noise(tally)
    return Judgements(
        answers=Judgement(Verdict.ERROR, stopped) if stopped else _answers(tally),
        routing=_routing(tally),
        latency=_latency(tally, noise),
        quality=_quality(tally, labelling),
        noise=noise,
    )


def _answers(tally: Tally) -> Judgement:
    if tally.pairs == 0:
        return Judgement(Verdict.NOT_MEASURED, "nothing was asked")
    bad = [
        f"{version}: {_counted(statuses)}"
        for version, statuses in zip(tally.versions, tally.statuses, strict=True)
        if set(statuses) != {str(int(HTTPStatus.OK))}
    ]
    bad += [
        f"{version}: {_counted(problems)}"
        for version, problems in zip(tally.versions, tally.without_answer, strict=True)
        if problems
    ]
    if not bad:
        requests = sum(statuses.total() for statuses in tally.statuses)
        return Judgement(Verdict.PASSED, f"all {requests} requests were answered")
    seen = {status for statuses in tally.statuses for status in statuses}
    ours = seen & {str(int(status)) for status in _OURS}
    return Judgement(Verdict.ERROR if ours else Verdict.FAILED, "; ".join(bad))


def _routing(tally: Tally) -> Judgement:
    if not all(routing.answers for routing in tally.routing):
        return Judgement(Verdict.NOT_MEASURED, "not every version answered")
    reasons = [
        _proof(version, routing)
        for version, routing in zip(tally.versions, tally.routing, strict=True)
    ]
    right = all(
        routing.by_instance == routing.answers and routing.by_body == routing.bodies
        for routing in tally.routing
    )
    return Judgement(Verdict.PASSED if right else Verdict.FAILED, "; ".join(reasons))


def _proof(version: str, routing: Routing) -> str:
    said = f"{version}: {routing.by_instance} of {routing.answers} by X-Instance"
    if routing.bodies:
        said += f", {routing.by_body} of {routing.bodies} by the version in the body"
    return said


def _noise(tally: Tally) -> Judgement:
    first = tally.versions[0]
    if not tally.noise.log_ratios:
        return Judgement(Verdict.NOT_MEASURED, "no two answers to compare")
    same = agreement(tally.noise.matrix)
    said = (
        f"{first} against itself: agrees in {_percent(same.estimate)}, {ratio_words(tally.noise)}"
    )
    if tally.noise.slower.decision is Direction.WINS or same.estimate < 1:
        return Judgement(Verdict.FAILED, said)
    if tally.noise.slower.decision is None:
        return Judgement(Verdict.INCONCLUSIVE, said)
    return Judgement(Verdict.PASSED, said)


def _latency(tally: Tally, noise: Judgement) -> Judgement:
    if not tally.versus.log_ratios:
        return Judgement(Verdict.NOT_MEASURED, "no two answers to compare")
    first, second = tally.versions
    test, margin = tally.versus.slower, f"more than {_percent(tally.margin)} slower"
    said = ratio_words(tally.versus)
    if test.decision is None:
        reason = f"{second} could be {margin} than {first}, or not ({said})"
        return Judgement(Verdict.INCONCLUSIVE, reason)
    if tally.noise.slower.decision is Direction.WINS:
        reason = f"{first} is {margin} than itself, so nothing can be said ({noise.reason})"
        return Judgement(Verdict.INCONCLUSIVE, reason)
    if test.decision is Direction.WINS:
        return Judgement(Verdict.FAILED, f"{second} is {margin} than {first} ({said})")
    return Judgement(Verdict.PASSED, f"{second} is not {margin} than {first} ({said})")


def _quality(tally: Tally, labelling: Labelling | None) -> Judgement:
    quality, (first, second) = tally.quality, tally.versions
    if quality.labelled == 0:
        if labelling is not None and labelling.labels:
            return labelling.blind
        reason = "no labels: agreement between versions is not quality"
        return Judgement(Verdict.NOT_MEASURED, reason)
    test = quality.test
    p = mcnemar_exact(test.wins, test.losses)
    said = (
        f"of {quality.labelled} labels {second} alone is right in {test.wins}, "
        f"{first} alone in {test.losses}, exact p {p:.2g}"
    )
    if test.decision is None:
        return Judgement(Verdict.INCONCLUSIVE, f"no difference shown ({said})")
    after = f"decided after {test.decided_after} of these"
    if test.decision is Direction.WINS:
        return Judgement(Verdict.PASSED, f"{second} is more often right ({said}; {after})")
    return Judgement(Verdict.FAILED, f"{first} is more often right ({said}; {after})")


def ratio_words(comparison: Comparison) -> str:
    """The median of the paired ratios with its interval."""
    found = median_interval(comparison.log_ratios)
    low, high = math.exp(found.low), math.exp(found.high)
    limits = f"{low:.3f} to {high:.3f}" if math.isfinite(high) else "too few for limits"
    return f"median ratio {math.exp(found.estimate):.3f} ({limits})"


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} x {what}" for what, count in sorted(counts.items()))
