"""Where in its life a process is, in the words of the Processes screen."""

from __future__ import annotations

from enum import Enum

from dashboard.glyphs import Glyphs
from dashboard.lines import Tone
from gateway.supervisor import Process, ProcessHealth, ProcessStatus

_STARTS_S = 10.0
"""A process that is not ready for longer than this does not just start."""
_STOPPED = (-1, 0)
"""Exit codes of a process that somebody has stopped; nginx ends well then."""


class Life(Enum):
    """Where in its life a process is. The value is the word on the screen."""

    READY = "ready"
    RUNNING = "runs"
    """Nothing asks whether it is ready."""
    DONE = "done"
    """It had one thing to do, and has done it."""
    STARTING = "starting"
    PENDING = "waiting"
    """For what it depends on."""
    NOT_READY = "not ready"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    """By somebody; it should serve."""
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    """What it depends on failed."""
    DISABLED = "off"
    UNKNOWN = "unknown"

    @property
    def word(self) -> str:
        """As on the screen."""
        return self.value

    @property
    def tone(self) -> Tone:
        """What it means."""
        if self in (Life.READY, Life.RUNNING):
            return Tone.GOOD
        if self in (Life.DONE, Life.DISABLED, Life.UNKNOWN):
            return Tone.MUTED
        return Tone.BAD if self in _DOWN else Tone.WARN

    @property
    def has_ended(self) -> bool:
        """Whether its exit code is about this run."""
        return self in (Life.DONE, Life.STOPPED, Life.FAILED)

    @property
    def has_process(self) -> bool:
        """Whether there is a process of the system."""
        return self in _ALIVE


_DOWN = (Life.STOPPED, Life.FAILED, Life.ERROR, Life.SKIPPED)
_ALIVE = (Life.READY, Life.RUNNING, Life.STARTING, Life.NOT_READY, Life.STOPPING)
_BY_STATUS = {
    ProcessStatus.DISABLED: Life.DISABLED,
    ProcessStatus.PENDING: Life.PENDING,
    ProcessStatus.SCHEDULED: Life.PENDING,
    ProcessStatus.LAUNCHING: Life.STARTING,
    ProcessStatus.LAUNCHED: Life.STARTING,
    ProcessStatus.RESTARTING: Life.RESTARTING,
    ProcessStatus.TERMINATING: Life.STOPPING,
    ProcessStatus.SKIPPED: Life.SKIPPED,
    ProcessStatus.ERROR: Life.ERROR,
}


def life(process: Process) -> Life:
    """Where it is."""
    if process.status is ProcessStatus.COMPLETED:
        if process.is_ready:
            return Life.DONE
        return Life.STOPPED if process.exit_code in _STOPPED else Life.FAILED
    if process.status not in (ProcessStatus.RUNNING, ProcessStatus.FOREGROUND):
        return _BY_STATUS.get(process.status, Life.UNKNOWN)
    if process.is_ready:
        return Life.READY
    if process.health is ProcessHealth.NO_PROBE:
        return Life.RUNNING
    return Life.STARTING if process.age < _STARTS_S else Life.NOT_READY


def glyph(found: Life, glyphs: Glyphs) -> str:
    """The sign before the word."""
    if found in (Life.READY, Life.RUNNING, Life.DONE):
        return glyphs.ready
    if found in _DOWN:
        return glyphs.down
    return "?" if found is Life.UNKNOWN else "-" if found is Life.DISABLED else glyphs.starting
