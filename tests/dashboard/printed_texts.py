"""The cases of the rollout, and of what commands print or write."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from dashboard import (
    headline,
    rollout_decisions,
    rollout_explain_lines,
    rollout_heads,
    rollout_lines,
    rollout_tables,
    rollout_text,
)
from gateway.cohort import Cohort
from gateway.shadow_log import Agreement
from probes import ab_report, canary_lines, drill_report
from probes.canary_change import Changed
from probes.canary_report import Counts, Report, Who
from probes.checks import finding, report
from tests.dashboard import drill_story
from tests.dashboard.hostile_world import NOW, World
from tests.dashboard.line_cases import VIEWS, case, cells
from tests.dashboard.spoilt import spoilt


@case(rollout_decisions.decision_row)
def _(w: World) -> Iterator[str]:
    for status, view in product(w.statuses, VIEWS):
        yield from cells(rollout_decisions.decision_row(one, view) for one in status.decisions)


@case(rollout_decisions.decision_rows)
def _(w: World) -> Iterator[str]:
    for status, view in product(w.statuses, VIEWS):
        yield from cells(rollout_decisions.decision_rows(status.decisions, view, 9, None).lines)


@case(rollout_explain_lines.explanation_lines)
def _(w: World) -> Iterator[str]:
    return cells(rollout_explain_lines.explanation_lines(w.explanation, VIEWS[0]))


@case(rollout_explain_lines.in_short)
def _(w: World) -> Iterator[str]:
    for status in w.statuses:
        for one in status.decisions:
            yield from cells(rollout_explain_lines.in_short(one, VIEWS[0]))


@case(rollout_heads.head)
def _(w: World) -> Iterator[str]:
    assert w.model.rollout is not None
    for view in VIEWS:
        word, text = rollout_heads.head(w.model, w.model.rollout, NOW, ">")
        yield from cells(headline.headline(word, text, view, ""))  # as it is shown


@case(rollout_lines.rollout)
def _(w: World) -> Iterator[str]:
    for view in VIEWS:
        yield from cells(rollout_lines.rollout(w.model, view, NOW, None, "").lines)


@case(rollout_tables.gate_table)
def _(w: World) -> Iterator[str]:
    for status, view in product(w.statuses, VIEWS):
        assert status.state is not None
        yield from cells(rollout_tables.gate_table(status, status.state, w.quality, NOW, view))


@case(rollout_tables.quality_line)
def _(w: World) -> Iterator[str]:
    return cells(rollout_tables.quality_line(w.quality, NOW, view) for view in VIEWS)


@case(rollout_text.status_lines)
def _(w: World) -> Iterator[str]:
    for status, alive in product(w.statuses, (True, False)):
        yield from rollout_text.status_lines(status, alive, NOW)


@case(rollout_text.explain_lines)
def _(w: World) -> Iterator[str]:
    yield from rollout_text.explain_lines(w.explanation)


@case(ab_report.lines)
def _(w: World) -> Iterator[str]:
    for run in (w.run, w.labelled):
        yield from ab_report.lines(run.result(1.0, w.bad("problem")))


@case(ab_report.markdown)
def _(w: World) -> Iterator[str]:
    for run in (w.run, w.labelled):
        yield from ab_report.markdown(run.result(1.0, w.bad("problem"))).split("\n")


@case(canary_lines.report_lines)
def _(w: World) -> Iterator[str]:
    found = Report(w.experiment, NOW, Counts(), 1, Agreement(), complete=True)
    yield from canary_lines.report_lines(found, w.bad("v2"))


@case(canary_lines.change_lines)
def _(w: World) -> Iterator[str]:
    yield from canary_lines.change_lines(Changed(None, w.experiment), w.bad("v2"))


@case(canary_lines.who_line)
def _(w: World) -> Iterator[str]:
    yield canary_lines.who_line(Who(w.bad("u-1"), 7, Cohort.CANARY, w.bad("v2"), 8))


@case(drill_report.lines)
def _(w: World) -> Iterator[str]:
    yield from drill_report.lines(spoilt(drill_story.REPORT, w.text))


@case(finding.one_line)
def _(w: World) -> Iterator[str]:
    yield finding.one_line(w.bad("text"))


@case(report.line)
def _(w: World) -> Iterator[str]:
    for result in w.results:
        # Where something is to be looked at, the command has a line of its own.
        yield from report.line(result).split("\n", 1)
