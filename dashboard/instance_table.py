"""The table of the Overview: a row for each instance, and one for nginx itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dashboard.events import SourceName, SourceState
from dashboard.freshness import is_stale
from dashboard.lines import Cell, Line, Tone, fit, right, safe
from dashboard.model import Model
from dashboard.numbers import count, duration, latency, memory, rate, share
from dashboard.tally import GATEWAY, Tally
from dashboard.verdict import Condition, condition
from dashboard.view import NGINX, View
from dashboard.window import Window
from gateway.supervisor import Process, ProcessStatus


@dataclass(frozen=True, slots=True)
class _Row:
    """What is known of one line of the table of instances."""

    name: str
    who: str
    state: Cell
    process: Process | None


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    width: int
    wide_only: bool = False
    left: bool = False


_STRIP = 12
_NARROW_STRIP = 9


def _columns(view: View) -> list[_Column]:
    strip = _STRIP if view.wide else _NARROW_STRIP
    columns = [
        _Column("instance", 9, left=True),
        _Column("ver", 4, True, left=True),
        _Column("state", 11, left=True),
        _Column("total", 8, True),
        _Column(f"in {view.window.label}", 7),
        _Column("share", 7),
        _Column("req/s", strip + 2),
        _Column("", 6),
        _Column("p50", 4, True),
        _Column("p95", 5),
        _Column("2xx", 7),
        _Column("4xx", 5),
        _Column("5xx", 5),
        _Column("cpu", 5, True),
        _Column("mem", 6, True),
        _Column("restarts", 9, True),
        _Column("age", 7, True),
    ]
    return [column for column in columns if view.wide or not column.wide_only]


def instance_table(model: Model, view: View, now: float, tally: Tally) -> list[Line]:
    columns = _columns(view)
    titles = [Cell(" ")] + [
        Cell(fit(c.title, c.width) if c.left else right(c.title, c.width), Tone.MUTED)
        for c in columns
    ]
    rows = _rows(model, view, now)
    strip = _STRIP if view.wide else _NARROW_STRIP
    # One scale for all: the same height is the same number of requests.
    strips = {row.who: model.rates(row.who, now, strip) for row in rows}
    top = max((value for values in strips.values() for value in values), default=0) or 1
    lines: list[Line] = [tuple(titles)]
    for row in rows:
        cells = _cells(model, view, now, tally, row, view.glyphs.spark(strips[row.who], top))
        line = [Cell(" ")]
        for column in columns:
            cell = cells[column.title if column.title[:3] != "in " else "window"]
            pad: Callable[[str, int], str] = fit if column.left else right
            line.append(Cell(pad(cell.text, column.width), cell.tone))
        lines.append(tuple(line))
    return lines


def row_names(model: Model) -> list[str]:
    """The instances in the order of the rows, the declared ones first; nginx is the last."""
    declared = [instance.name for instance in model.instances]
    others = sorted({name for name, _ in model.totals.answers} - {*declared, GATEWAY})
    return [*declared, *others, NGINX]


def _rows(model: Model, view: View, now: float) -> list[_Row]:
    *names, nginx = row_names(model)
    rows = [
        _Row(name, name, _state(model, view, name, now), model.processes.get(name))
        for name in names
    ]
    state = _nginx_state(model, view, now)
    return [*rows, _Row(nginx, GATEWAY, state, model.processes.get(nginx))]


_CONDITIONS: dict[Condition, tuple[str, Tone]] = {
    Condition.READY: ("ready", Tone.GOOD),
    Condition.STARTING: ("starting", Tone.WARN),
    Condition.NOT_READY: ("starting", Tone.WARN),
    Condition.STOPPED: ("down", Tone.BAD),
    Condition.DOWN: ("down", Tone.BAD),
}


def _state(model: Model, view: View, name: str, now: float) -> Cell:
    found = condition(model, name, now)
    if name == model.drained and not found.is_out:
        return Cell(f"{view.glyphs.starting} drained", Tone.WARN)
    if found is Condition.UNKNOWN:
        return Cell("? unknown", Tone.MUTED)
    glyph, tone = _CONDITIONS[found]
    return Cell(f"{getattr(view.glyphs, glyph)} {found.value}", tone)


def _nginx_state(model: Model, view: View, now: float) -> Cell:
    status = model.statuses.get(SourceName.NGINX)
    if status is None:
        return Cell("? unknown", Tone.MUTED)
    if status.state is SourceState.FRESH and not is_stale(model, SourceName.NGINX, now):
        return Cell(f"{view.glyphs.ready} answers", Tone.GOOD)
    return Cell(f"{view.glyphs.down} silent", Tone.BAD)


def _cells(
    model: Model, view: View, now: float, tally: Tally, row: _Row, strip: str
) -> dict[str, Cell]:
    hits = tally.total(row.who)
    failed = tally.total(row.who, 5)
    seconds = model.window_seconds(view.window, now)
    process = None if is_stale(model, SourceName.PROCESSES, now) else row.process
    quiet = Tone.MUTED if hits == 0 else Tone.NORMAL
    unknown = Cell("-", Tone.MUTED)
    cells = {
        "instance": Cell(safe(row.name), Tone.STRONG),
        "ver": Cell(safe(model.version_of(row.name), 20) or "-", Tone.MUTED),
        "state": row.state,
        "total": Cell(count(model.window(Window.ALL, now).total(row.who))),
        "window": Cell(count(hits), quiet),
        "share": Cell(share(hits, tally.total()), quiet),
        "req/s": Cell(strip, Tone.ACCENT),
        "": Cell(rate(hits / seconds), quiet),
        "p50": Cell(latency(tally.percentile(row.who, 50)) if row.who else "-", quiet),
        "p95": Cell(latency(tally.percentile(row.who, 95)) if row.who else "-", quiet),
        "2xx": Cell(count(tally.total(row.who, 2)), quiet),
        "4xx": Cell(count(tally.total(row.who, 4)), quiet),
        "5xx": Cell(count(failed), Tone.BAD if failed else quiet),
        "cpu": unknown,
        "mem": unknown,
        "restarts": unknown,
        "age": unknown,
    }
    if process is not None:
        cells["restarts"] = Cell(
            str(process.restarts), Tone.WARN if process.restarts else Tone.NORMAL
        )
    if process is not None and process.status is ProcessStatus.RUNNING:
        cells["cpu"] = Cell(f"{process.cpu:.0f} %")
        cells["mem"] = Cell(memory(process.mem))
        cells["age"] = Cell(duration(process.age))
    return cells
