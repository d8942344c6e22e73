"""What the Overview says: the model as lines of cells. Pure: a test reads what a person reads."""

from __future__ import annotations

from collections.abc import Iterator

from dashboard.events import PrometheusState, SourceName, SourceState
from dashboard.freshness import is_stale
from dashboard.instance_table import instance_table, row_names
from dashboard.lines import Cell, Line, Tone, clip, fit, right, safe, width
from dashboard.model import Model
from dashboard.numbers import age, clock, count, latency, rate, share
from dashboard.rollout_words import in_short, is_under_way
from dashboard.tally import ALL, Tally
from dashboard.verdict import Severity, judge
from dashboard.view import NGINX, View
from gateway.accesslog import Access
from gateway.cohort import Cohort, asked_for

_TONES = {
    Severity.OK: Tone.GOOD,
    Severity.SILENT: Tone.ACCENT,
    Severity.UNKNOWN: Tone.WARN,
    Severity.DEGRADED: Tone.WARN,
    Severity.DOWN: Tone.BAD,
}
_TAIL_LINES = 14
_LABEL = 10


def verdict_line(model: Model, view: View, now: float, right_side: str) -> tuple[Line, Line]:
    """The verdict and, below it, what can be done about it."""
    verdict = judge(model, now)
    # Names of instances come from the log, or from a recording.
    said, hint = safe(verdict.reason), safe(verdict.hint)
    word = Cell(f" {verdict.severity.value} ", _TONES[verdict.severity])
    room = view.columns - len(word.text) - len(right_side) - 2
    reason = Cell(" " + fit(said, room, view.glyphs.more), Tone.STRONG)
    # What does not fit goes on in the second line.
    rest = hint
    if len(said) > room:
        cut = said.rfind(" ", 0, room)
        reason = Cell(" " + fit(said[:cut], room, view.glyphs.more), Tone.STRONG)
        rest = said[cut + 1 :] + (f" ({hint})" if hint else "")
    indent = " " * len(word.text)
    below = clip((Cell(f"{indent} {rest}", Tone.MUTED),), view.columns, view.glyphs.more)
    return (word, reason, Cell(right_side, Tone.MUTED)), below


def overview(model: Model, view: View, now: float, right_side: str) -> tuple[Line, ...]:
    """The whole screen but its header and footer."""
    tally = model.window(view.window, now)
    head: list[Line] = [*verdict_line(model, view, now, right_side), ()]
    head += [*_gateway(model, view, now, tally), ()]
    head += [*instance_table(model, view, now, tally), ()]
    head += [*_status(model, view, now), ()]
    sources = _sources(model, view, now)
    room = view.rows - len(head) - 2 - len(sources)
    tail = _tail(model, view, now, min(_TAIL_LINES, room))
    space: list[Line] = [()] * (1 + max(0, room - len(tail)))
    return tuple(
        clip(line, view.columns, view.glyphs.more) for line in [*head, *tail, *space, *sources]
    )


def instance_names(model: Model, view: View) -> list[str | None]:
    """For each line of the overview the row of the table that it is, None for all others."""
    before: list[str | None] = [None] * (3 + len(_GATEWAY_LINES) + 1 + 1)
    return [*before, *row_names(model)]


_GATEWAY_LINES = ("numbers", "state", "alerts")


def _gateway(model: Model, view: View, now: float, tally: Tally) -> list[Line]:
    glyphs, total = view.glyphs, tally.total()
    length = 30 if view.wide else 16
    values = model.rates(None, now, length)
    seconds = model.window_seconds(view.window, now)
    first = [
        Cell(fit(" gateway", _LABEL), Tone.STRONG),
        Cell(right(rate(total / seconds), 7), Tone.STRONG),
        Cell(" req/s "),
        Cell(glyphs.spark(values, max(1, *values)), Tone.ACCENT),
        Cell("  p50 ", Tone.MUTED),
        Cell(latency(tally.percentile(ALL, 50))),
        Cell("  p95 ", Tone.MUTED),
        Cell(latency(tally.percentile(ALL, 95))),
    ]
    if view.wide:
        first += [Cell("  p99 ", Tone.MUTED), Cell(latency(tally.percentile(ALL, 99)))]
    first.append(Cell(" ms ", Tone.MUTED))
    failed = tally.total(status_class=5)
    parts = [
        ("2xx", share(tally.total(status_class=2), total), Tone.NORMAL),
        ("401", count(tally.with_status(401)), Tone.NORMAL),
        ("429", count(tally.with_status(429)), Tone.NORMAL),
        ("5xx", count(failed), Tone.BAD if failed else Tone.NORMAL),
    ]
    statuses = [
        cell
        for name, text, tone in parts
        for cell in (Cell(f"  {name} ", Tone.MUTED), Cell(text, tone))
    ]
    second = [Cell(" " * (_LABEL - 2))]
    tried = [*_tried(model, view.glyphs.arrow), *_fallbacks(model, tally)] if view.wide else []
    for name, text, tone in [*_state_of_nginx(model, now, tally), *tried]:
        second += [Cell(f"  {name} ", Tone.MUTED), Cell(text, tone)]
    if not view.wide:
        first, second = first, [*second[:1], *statuses, *second[1:5]]
        statuses = []
    return [(*first, *statuses), tuple(second), _watched(model, view, now)]


def _watched(model: Model, view: View, now: float) -> Line:
    """What Prometheus says, and the rollout; what fires must not be pushed out."""
    state = None if is_stale(model, SourceName.PROMETHEUS, now) else model.prometheus
    targets = "-" if state is None else f"{state.targets_up} of {state.targets}"
    words, tone = in_short(model.rollout, now)
    # Short where there is no room for sentences.
    name, rest = "prometheus targets", Cell(f"  rollout {words}", tone)
    if not view.wide:
        name = "targets"
        if not is_under_way(model.rollout):
            # The canary would not fit the line above; a rollout sets it, and says how.
            tried = ", ".join(f"{what} {text}" for what, text, _ in _tried(model, ""))
            rest = Cell(f"  {tried}", Tone.MUTED)
    label = Cell(" " * (_LABEL - 2) + "  alerts ", Tone.MUTED)
    after = [Cell(f"  {name} ", Tone.MUTED), Cell(targets)]
    room = view.columns - sum(width(cell.text) for cell in (label, *after))
    return label, _alerts(state, room, view.glyphs.more), *after, rest


def _alerts(state: PrometheusState | None, room: int, more: str) -> Cell:
    if state is None:
        return Cell("unknown", Tone.MUTED)
    if state.firing:
        words = f"{len(state.firing)} firing: {', '.join(safe(name, 80) for name in state.firing)}"
        return Cell(fit(words, min(room, width(words)), more), Tone.BAD)
    if not state.rules:
        return Cell("not configured", Tone.MUTED)
    return Cell(f"none firing ({count(state.rules)} rule{'s' * (state.rules > 1)})")


def _state_of_nginx(model: Model, now: float, tally: Tally) -> list[tuple[str, str, Tone]]:
    retries = sum(tally.retries.values())
    found = [
        ("retries", count(retries), Tone.WARN if retries else Tone.NORMAL),
        ("redirects", count(tally.redirects), Tone.NORMAL),
    ]
    state = model.gateway
    if state is None or is_stale(model, SourceName.NGINX, now):
        return [*found, ("connections", "-", Tone.MUTED), ("certificate", "-", Tone.MUTED)]
    found.append(("connections", count(state.active), Tone.NORMAL))
    if state.certificate_ends is None:
        return [*found, ("certificate", "unreadable", Tone.BAD)]
    days = int((state.certificate_ends - now) // 86_400)
    tone = Tone.BAD if days < 7 else Tone.NORMAL
    return [*found, ("certificate", f"{days} d left" if days >= 0 else "expired", tone)]


def _tried(model: Model, arrow: str) -> list[tuple[str, str, Tone]]:
    """What share the second version has; with an `arrow` to its name."""
    state = model.experiment
    if state is not None and state.problem:
        return [("canary", "unreadable", Tone.BAD)]
    if state is None or not state.weight:
        found = [("canary", "off", Tone.NORMAL)]
    else:
        second = [each.version for each in model.instances if each.version != model.first_version]
        to = f" {arrow} {second[0]}" if arrow and second else ""
        found = [("canary", f"{state.weight} %{to}", Tone.ACCENT)]
    if state is None or not state.shadow:
        return [*found, ("shadow", "off", Tone.NORMAL)]
    return [*found, ("shadow", f"{state.shadow} %", Tone.ACCENT)]


def _fallbacks(model: Model, tally: Tally) -> list[tuple[str, str, Tone]]:
    """Requests of the canary that the first version answered, where there is a canary."""
    if not tally.fallbacks and (model.experiment is None or not model.experiment.weight):
        return []
    tone = Tone.WARN if tally.fallbacks else Tone.NORMAL
    return [("fallbacks", count(tally.fallbacks), tone)]


def _status(model: Model, view: View, now: float) -> list[Line]:
    length = max(10, (view.columns - _LABEL - 14) // 3 - 2)
    found = model.statuses_by_second(now, min(60, length))
    cells = [Cell(fit(" status", _LABEL), Tone.STRONG)]
    top = max(1, *(value for values in found.values() for value in values))
    for hundred, tone in ((2, Tone.GOOD), (4, Tone.WARN), (5, Tone.BAD)):
        cells += [
            Cell(f"{hundred}xx ", Tone.MUTED),
            Cell(view.glyphs.spark(found[hundred], top), tone),
            Cell("  "),
        ]
    return [tuple(cells)]


def _tail(model: Model, view: View, now: float, lines: int) -> list[Line]:
    if lines <= 0:
        return []
    recent = [model.recent[-1 - i] for i in range(min(lines, len(model.recent)))]
    if not recent:
        words = " no request in the log yet: `make traffic`, or g here, starts some"
        return [(Cell(words, Tone.MUTED),), *[()] * (lines - 1)]
    found: list[Line] = [request_line(model, access, view) for access in recent]
    return found + [()] * (lines - len(found))


def request_line(model: Model, access: Access, view: View) -> Line:
    """One request: when, status, who, user, how long, what."""
    who = model.answered_by(access)
    status = access.status
    tone = Tone.BAD if status >= 500 else Tone.WARN if status >= 400 else Tone.NORMAL
    user = safe(access.user_id or access.remote_user or "-", 64)
    more = view.glyphs.more
    cells = [
        Cell(f" {clock(access.time)}  ", Tone.MUTED),
        Cell(f"{status:03d}  ", tone),
        Cell(fit(safe(who, 40) or NGINX, 7, more) + " ", Tone.NORMAL if who else Tone.MUTED),
        Cell(fit(user, 14, more) + " "),
        Cell(right(f"{latency(round(access.request_time * 1000))} ms", 8) + "  "),
        Cell(f"{fit(safe(access.method, 10), 4, more)} {safe(access.uri, 200)}", Tone.MUTED),
    ]
    note = _note(model, access)
    if note:
        cells.append(Cell(f"  {note}", Tone.WARN))
    return tuple(cells)


def _note(model: Model, access: Access) -> str:
    if access.retried:
        failed = [model.name_of(a.address) for a in access.upstream_attempts if a.retried]
        return f"retried after {', '.join(safe(name, 40) for name in failed)}"
    if access.limit_req_status == "REJECTED":
        return "limited"
    if model.is_fallback(access):
        return f"canary, {model.first_version} stood in"
    return access.cohort if access.cohort == Cohort.CANARY.value else asked_for(access.cohort)


def _sources(model: Model, view: View, now: float) -> list[Line]:
    """How fresh each one is; what does not fit one line goes on in the next."""
    lines: list[list[Cell]] = [[Cell(fit(" sources", _LABEL), Tone.STRONG)]]
    for words in _freshness(model, now):
        gap = Cell(("   " if view.wide else "  ") if len(lines[-1]) > 1 else "")
        taken = sum(width(cell.text) for cell in [*lines[-1], gap, *words])
        if gap.text and taken > view.columns:
            lines.append([Cell(" " * _LABEL), *words])
        else:
            lines[-1] += [gap, *words]
    return [tuple(line) for line in lines]


def _freshness(model: Model, now: float) -> Iterator[tuple[Cell, ...]]:
    for source in SourceName:
        status = model.statuses.get(source)
        if source is SourceName.ROLLOUT and (status is None or not is_stale(model, source, now)):
            continue  # a file beside us; how old its words are stands on its own screen
        seen = model.age(source, now)
        old = "" if seen is None else f" {age(seen)}"
        if status is None:
            text, tone = "asking", Tone.MUTED
        elif status.state is SourceState.ABSENT:
            text, tone = f"ABSENT{old}", Tone.WARN
        elif is_stale(model, source, now):
            text, tone = f"STALE{old}", Tone.WARN
        else:
            text, tone = old.strip(), Tone.NORMAL
        yield Cell(f"{source.value} ", Tone.MUTED), Cell(text, tone)
    if model.log is not None and not model.log.caught_up:
        yield (Cell("reading the log", Tone.ACCENT),)
    if model.log is not None and model.log.bad_lines:
        yield (Cell(f"{count(model.log.bad_lines)} bad lines", Tone.WARN),)
