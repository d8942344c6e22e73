"""The cases of what the screens show, but for the rollout."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from dashboard import (
    ab_answer_lines,
    ab_lines,
    ab_run_lines,
    checks_lines,
    detail,
    drill_lines,
    headline,
    instance_table,
    labelling_lines,
    limit_lines,
    present,
    process_lines,
    process_picture,
    ray_lines,
    traffic,
)
from dashboard.filters import Filter, Term
from dashboard.lines import Cell
from probes.ratelimit import Plan
from rollout.evidence import SignTest
from tests.dashboard import drill_story, limit_story
from tests.dashboard.hostile_world import BAD_MOMENT, EVENTS, NOW, World
from tests.dashboard.line_cases import VIEWS, case, cells
from tests.dashboard.stories import START

_PLAN = Plan(42)


@case(ab_answer_lines.sentence_lines)
def _(w: World) -> Iterator[str]:
    for view in VIEWS:
        yield from cells(ab_answer_lines.sentence_lines(w.sentence, w.bad, view, 20))


@case(ab_lines.ab_lines)
def _(w: World) -> Iterator[str]:
    for view in VIEWS:
        yield from cells(ab_lines.ab_lines(w.model, view, NOW, "", 40, True))


@case(ab_run_lines.run_lines)
def _(w: World) -> Iterator[str]:
    for run, view in product((w.run, w.labelled), VIEWS):
        result = run.result(1.0, w.bad("problem"))
        yield from cells(ab_run_lines.run_lines(run, result, False, view))


@case(ab_run_lines.disagreement_lines)
def _(w: World) -> Iterator[str]:
    for run, view in product((w.run, w.labelled), VIEWS):
        yield from cells(ab_run_lines.disagreement_lines(run, view, 9))


@case(ab_run_lines.evidence)
def _(w: World) -> Iterator[str]:
    test = SignTest.start()
    for _ in range(30):
        test = test.observe(win=False)
    for view in VIEWS:
        versions = w.bad("v1"), w.bad("v2")
        yield from cells([tuple(ab_run_lines.evidence(test, versions, view))])


@case(labelling_lines.labelling_lines)
def _(w: World) -> Iterator[str]:
    found = w.labelled.labelling
    assert found is not None
    for view in VIEWS:
        yield from cells(labelling_lines.labelling_lines(found, w.run.tally.versions, view))


@case(checks_lines.checks)
def _(w: World) -> Iterator[str]:
    for view in VIEWS:
        yield from cells(checks_lines.checks(w.model, view, NOW, None, "").lines)


@case(detail.detail)
def _(w: World) -> Iterator[str]:
    for access in w.requests:
        yield from cells(detail.detail(access, w.model.url, w.bad("{}"), 80))


@case(drill_lines.drill_lines)
def _(w: World) -> Iterator[str]:
    failed = drill_story.drill_events(NOW, drill_story.STEPS[:-1])
    for model, view in product((w.model, w.folded(), w.folded(*failed)), VIEWS):
        yield from cells(drill_lines.drill_lines(model, view, NOW, w.bad("v1-1"), 20))


@case(headline.headline)
def _(w: World) -> Iterator[str]:
    return cells(headline.headline(Cell("OK"), w.bad("text"), VIEWS[0], ""))


@case(headline.labelled)
def _(w: World) -> Iterator[str]:
    return cells(headline.labelled("label", w.bad("text"), VIEWS[0]))


@case(headline.causes)
def _(w: World) -> Iterator[str]:
    return cells(headline.causes([w.bad("text"), w.bad("fix: text")], VIEWS[0], 9))


@case(instance_table.instance_table)
def _(w: World) -> Iterator[str]:
    for view in VIEWS:
        tally = w.model.window(view.window, NOW)
        yield from cells(instance_table.instance_table(w.model, view, NOW, tally))


@case(limit_lines.rate_limit)
def _(w: World) -> Iterator[str]:
    running = (
        EVENTS[0],
        *limit_story.begun(_PLAN, limit_story.as_expected(_PLAN), *limit_story.before()),
    )
    models = w.model, w.folded(*running), w.folded(*running, limit_story.ended("a problem"))
    for model, view in product(models, VIEWS):
        yield from cells(limit_lines.rate_limit(model, view, NOW, _PLAN, ""))


@case(present.verdict_line)
def _(w: World) -> Iterator[str]:
    for view in VIEWS:
        yield from cells(present.verdict_line(w.broken, view, BAD_MOMENT, ""))


@case(present.overview)
def _(w: World) -> Iterator[str]:
    for view in VIEWS:
        yield from cells(present.overview(w.model, view, NOW, ""))
        yield from cells(present.overview(w.broken, view, BAD_MOMENT, ""))


@case(present.request_line)
def _(w: World) -> Iterator[str]:
    return cells(present.request_line(w.model, access, VIEWS[0]) for access in w.requests)


@case(process_lines.head)
def _(w: World) -> Iterator[str]:
    for view in VIEWS:
        yield from cells(process_lines.head(w.broken, view, BAD_MOMENT, ""))


@case(process_lines.table)
def _(w: World) -> Iterator[str]:
    for view in VIEWS:
        yield from cells(process_lines.table(w.model, view, NOW))


@case(process_lines.log_lines)
def _(w: World) -> Iterator[str]:
    for name, view in product([*w.model.process_logs, w.bad("none")], VIEWS):
        why = w.bad("problem")
        yield from cells(process_lines.log_lines(w.model, view, NOW, name, 20, why))


@case(process_picture.picture)
def _(w: World) -> Iterator[str]:
    logs = [None, *map(process_picture.Log, w.model.process_logs)]
    for log, view in product(logs, VIEWS):
        yield from cells(process_picture.picture(w.model, view, NOW, "", None, log).lines)


@case(ray_lines.whole)
def _(w: World) -> Iterator[str]:
    for view in VIEWS:
        yield from cells(ray_lines.whole(w.on_ray, view, START + 1))


@case(ray_lines.in_short)
def _(w: World) -> Iterator[str]:
    for view in VIEWS:
        yield from cells(ray_lines.in_short(w.on_ray, view, START + 1, 8))


@case(traffic.summary)
def _(w: World) -> Iterator[str]:
    wanted = Filter((Term("user", "=", w.bad("u")),))
    for view in VIEWS:
        found = traffic.Selection(tuple(w.requests), len(w.requests))
        yield from cells(traffic.summary(w.model, view, NOW, found, wanted, ""))


@case(traffic.table_row)
def _(w: World) -> Iterator[str]:
    for view in VIEWS:
        yield from cells(traffic.table_row(w.model, view, access) for access in w.requests)
