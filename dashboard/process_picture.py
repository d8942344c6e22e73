"""The whole Processes screen: the processes, Ray where they run on it, the kill drill or a log."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.drill_lines import drill_lines
from dashboard.lines import Line
from dashboard.model import Model
from dashboard.process_lines import head, log_lines, master_line, ordered, table
from dashboard.process_questions import victim
from dashboard.ray_lines import in_short, whole
from dashboard.trials.base import TrialName
from dashboard.view import View

_LOWER_ROWS = 7
"""What the lower part needs to say everything; below that no line is left empty."""
_LEAST_ROWS = 4
"""What it needs to say what matters, once there is a drill or a log."""
_INVITATION_ROWS = 2


@dataclass(frozen=True, slots=True)
class Log:
    """The log that a person looks at."""

    process: str
    problem: str = ""
    """Why it could not be read the last time."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The lines, and which of them are processes."""

    lines: tuple[Line, ...]
    names: tuple[str | None, ...]
    """For each line the process that it is, None for all others."""

    @property
    def processes(self) -> tuple[str, ...]:
        """The processes from top to bottom."""
        return tuple(name for name in self.names if name is not None)

    def line_of(self, process: str | None) -> int | None:
        """The line of a process, None if it has none."""
        return self.names.index(process) if process and process in self.names else None


def picture(
    model: Model, view: View, now: float, right_side: str, chosen: str | None, log: Log | None
) -> Picture:
    """The screen but for its header and footer; `chosen` is the process under the cursor."""
    top = head(model, view, now, right_side)
    rows = table(model, view, now)
    master = master_line(model, view, now)
    space: list[Line] = [()]
    left = view.rows - len(top) - len(rows) - 1
    ray = whole(model, view, now)
    if ray and len(ray) + 1 <= left - _LOWER_ROWS:
        ray = [(), *ray]
    else:
        least = (
            _INVITATION_ROWS if log is None and TrialName.DRILL not in model.trials else _LEAST_ROWS
        )
        ray = in_short(model, view, now, left - least)
    empty = left - len(ray) - _LOWER_ROWS
    lines = [*top, *space[: max(0, empty - 1)], *rows, master, *ray, *space[: max(0, empty)]]
    names: list[str | None] = [None] * (len(top) + len(space[: max(0, empty - 1)]) + 1)
    names += [process.name for process in ordered(model)]
    room = max(0, view.rows - len(lines))
    if log is None:
        lines += drill_lines(model, view, now, victim(model, chosen), room)
    else:
        lines += log_lines(model, view, now, log.process, room, log.problem)
    return Picture(tuple(lines[: view.rows]), tuple(names))


def first_choice(shown: Picture, model: Model) -> str | None:
    """Under the cursor before anybody moves it: the first instance, else the first process."""
    instances = [i.name for i in model.instances if i.name in shown.processes]
    return next(iter([*instances, *shown.processes]), None)
