"""What the Processes screen says of the processes: the table, nginx's master, the last lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dashboard.events import SourceName
from dashboard.freshness import is_stale
from dashboard.headline import headline, rule
from dashboard.lines import Cell, Line, Tone, clip, fit, right, safe
from dashboard.model import Model
from dashboard.numbers import age, duration, memory
from dashboard.process_state import Life, glyph, life
from dashboard.view import NGINX, View
from gateway.supervisor import Process, ready

LOG_CHARACTERS = 500
"""Of each line of a log; more is cut off."""
_ORDER = ("setup", "ray", "services", "edge", "probes", "watch", "optional")
"""The namespaces of process-compose as they depend on each other; others come last."""
TRAFFIC = "traffic"
"""The process with settings of its own, which g writes."""
_OWN_COLUMNS = 79
"""Of the table without the notes."""


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    width: int
    left: bool = False


_COLUMNS = (
    _Column("process", 11, left=True),
    _Column("namespace", 10, left=True),
    _Column("state", 14, left=True),
    _Column("pid", 8),
    _Column("restarts", 9),
    _Column("exit", 5),
    _Column("cpu", 6),
    _Column("mem", 7),
    _Column("age", 8),
)


def ordered(model: Model) -> tuple[Process, ...]:
    """The processes as the table lists them: what others depend on comes first."""
    places = {name: place for place, name in enumerate(_ORDER)}

    def key(process: Process) -> tuple[int, str, str]:
        return places.get(process.namespace, len(_ORDER)), process.namespace, process.name

    return tuple(sorted(model.processes.values(), key=key))


def head(model: Model, view: View, now: float, right_side: str) -> list[Line]:
    """The first lines: how many are ready, and how old that is."""
    word, text = _summary(model, view, now)
    return headline(word, text, view, right_side)


def _summary(model: Model, view: View, now: float) -> tuple[Cell, str]:
    status = model.statuses.get(SourceName.PROCESSES)
    if is_stale(model, SourceName.PROCESSES, now):
        if status is None:
            return Cell("WAITING", Tone.MUTED), "asking process-compose"
        seen = model.age(SourceName.PROCESSES, now)
        since = "it has not answered yet" if seen is None else f"last word {age(seen)} ago"
        why = status.detail or "process-compose does not answer"
        return Cell("STALE", Tone.WARN), f"{since}; {why}"
    state = ready(model.processes.values())
    counted = len(state.ready) + len(state.waiting) + len(state.failed)
    text = f"{len(state.ready)} of {counted} ready"
    for found, what in ((state.failed, "down"), (state.waiting, "not yet")):
        names = ", ".join(process.name for process in found)
        if found:
            # Where names would take a second line the table would jump.
            text += f", {what}: {names}" if view.wide else f", {len(found)} {what}"
    return Cell("OK", Tone.GOOD) if state.complete else Cell("NOT READY", Tone.WARN), text


def table(model: Model, view: View, now: float) -> list[Line]:
    """Titles, and a line for each of `ordered`."""
    titles = [Cell(" "), *(Cell(_pad(c.title, c, view), Tone.MUTED) for c in _COLUMNS)]
    lines: list[Line] = [clip(titles, view.columns, view.glyphs.more)]
    for process in ordered(model):
        cells = _cells(model, view, now, process)
        line = [Cell(" ")]
        line += [Cell(_pad(cells[c.title].text, c, view), cells[c.title].tone) for c in _COLUMNS]
        if view.columns > _OWN_COLUMNS + 20:
            line.append(Cell(f"  {_note(model, process, now)}", Tone.MUTED))
        lines.append(clip(line, view.columns, view.glyphs.more))
    return lines


def _pad(text: str, column: _Column, view: View) -> str:
    if column.left:
        return fit(text, column.width - 1, view.glyphs.more) + " "
    return right(text, column.width)


def _cells(model: Model, view: View, now: float, process: Process) -> dict[str, Cell]:
    found = life(process)
    stale = is_stale(model, SourceName.PROCESSES, now)
    nothing = Cell("-", Tone.MUTED)
    state = Cell(f"{glyph(found, view.glyphs)} {found.word}", found.tone)
    if stale:
        state = Cell(f"? was {found.word}", Tone.MUTED)
    restarts = Tone.WARN if process.restarts else Tone.NORMAL
    cells = {
        "process": Cell(safe(process.name, 60), Tone.STRONG),
        "namespace": Cell(safe(process.namespace, 60), Tone.MUTED),
        "state": state,
        "restarts": Cell(str(process.restarts), restarts),
        "exit": Cell(str(process.exit_code)) if found.has_ended else nothing,
    }
    runs = found.has_process and not stale
    values: dict[str, Callable[[], str]] = {
        "pid": lambda: str(process.pid),
        "cpu": lambda: f"{process.cpu:.0f} %",
        "mem": lambda: memory(process.mem),
        "age": lambda: duration(process.age),
    }
    return cells | {name: Cell(value()) if runs else nothing for name, value in values.items()}


def _note(model: Model, process: Process, now: float) -> str:
    """What to know or to do, in a few words."""
    if is_stale(model, SourceName.PROCESSES, now):
        return ""
    match life(process):
        case Life.STOPPED:
            return "s starts it"
        case Life.FAILED | Life.ERROR:
            return "enter shows its log"
        case Life.SKIPPED:
            return "what it needs failed: s starts it"
        case Life.PENDING:
            return "waits for what it needs"
        case Life.DISABLED | Life.DONE if process.name == TRAFFIC:
            return "g starts it"
        case Life.DISABLED:
            return "s starts it"
    since = model.ready_since.get(process.name, (False, None))[1]
    if since is not None and now - since < 600 and process.is_ready:
        return f"ready since {duration(max(0.0, now - since))}"
    return ""


def master_line(model: Model, view: View, now: float) -> Line:
    """Whether nginx's own master process lives, which process-compose cannot tell."""
    cells = Cell(" nginx master  ", Tone.STRONG), *_master(model, view, now)
    return clip(cells, view.columns, view.glyphs.more)


def _master(model: Model, view: View, now: float) -> tuple[Cell, ...]:
    status = model.statuses.get(SourceName.NGINX)
    master = None if model.gateway is None else model.gateway.master
    if status is None:
        return (Cell("? unknown: not asked yet", Tone.MUTED),)
    if is_stale(model, SourceName.NGINX, now):
        return (Cell("? unknown: nginx does not answer", Tone.MUTED),)
    if master is None:
        return (Cell("? unknown: no pid file says which process it is", Tone.MUTED),)
    pid = f"pid {master.pid}"
    if master.stopped:
        pids = " ".join(map(str, master.stopped))
        words = f"{view.glyphs.frozen} STOPPED: pid {pids}; `kill -CONT {pids}`, or r on {NGINX}"
        return (Cell(words, Tone.BAD),)
    if master.alive:
        words = f"{view.glyphs.ready} alive"
        return Cell(words, Tone.GOOD), Cell(f"  {pid} of var/run/nginx.pid", Tone.MUTED)
    words = f"{view.glyphs.down} GONE ({pid}), its workers are orphans: r on {NGINX} mends it"
    return (Cell(words, Tone.BAD),)


def log_lines(
    model: Model, view: View, now: float, name: str, rows: int, problem: str = ""
) -> list[Line]:
    """The last lines of a process in `rows` rows, under a line that names it.

    `problem` is why they could not be read.
    """
    found = model.process_logs.get(name)
    title = f"log of {safe(name, 60)}"
    if is_stale(model, SourceName.PROCESSES, now):
        title += ", STALE: process-compose does not answer"
    lines: list[Line] = [rule(f"{title}, esc closes it", view)]
    if problem:
        lines.append((Cell(f" {safe(problem)}", Tone.WARN),))
    if found is None:
        words = "" if problem else " reading it"
        return [*lines, (Cell(words, Tone.MUTED),)][: max(1, rows)]
    if not found.lines:
        lines.append((Cell(" it has written nothing", Tone.MUTED),))
    room = max(0, rows - len(lines))
    last = found.lines[len(found.lines) - room :] if room < len(found.lines) else found.lines
    lines += [(Cell(f" {safe(line, LOG_CHARACTERS)}"),) for line in last]
    return [clip(line, view.columns, view.glyphs.more) for line in lines[: max(1, rows)]]
