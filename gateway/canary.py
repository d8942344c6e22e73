"""What is being tried: the canary's weight, the shadow's share, an instance drained.

nginx looks for files below var/canary/active at each request, so a change takes effect at
once and without a reload (which costs HTTP/2 clients the requests in flight). `active` is a
link to a folder that is complete before the link is renamed: a request sees the old state
or the new one. Nothing is tried where there is no link.
"""

import fcntl
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from gateway.atomic import replace_file
from gateway.cohort import BUCKETS
from gateway.errors import ConfigurationError

FOLDER: Final = Path("var/canary")
ACTIVE: Final = FOLDER / "active"
_STATES: Final = "states"
_STATE_FILE: Final = "state.json"
_DRAINED: Final = "drained-"
_DRAWS: Final = 256
"""Values of the two hexadecimal digits that decide about the shadow of a request."""


class CanaryError(ConfigurationError):
    """The state cannot be read or must not be set; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """What is being tried; as it is made, nothing."""

    weight: int = 0
    """Percent of the users that v2 answers, 0 to 100."""
    shadow: int = 0
    """Percent of the requests to v1 of which v2 gets a copy, 0 to 100."""
    drained: str | None = None
    """The instance that gets no new requests."""

    def __post_init__(self) -> None:
        for what, value in (("weight", self.weight), ("shadow", self.shadow)):
            if not 0 <= value <= 100:
                raise CanaryError(what, f"{value} is no percentage", "give one from 0 to 100")

    @property
    def off(self) -> "Experiment":
        """The kill switch: v2 gets nothing but what asks for it. A drained instance stays so."""
        return replace(self, weight=0, shadow=0)


def read_experiment(root: Path) -> Experiment:
    """What the workspace at `root` is trying now. Raises CanaryError for a damaged state."""
    while True:
        state = _state(root)
        if state is None:
            return Experiment()
        try:
            return _read(state)
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            # Replaced while it was read, and perhaps removed: read the new one.
            if _state(root) != state:
                continue
            fix = "`python -m dashboard canary off` replaces it"
            raise CanaryError(f"{ACTIVE}/{_STATE_FILE}", f"not usable ({error})", fix) from None


def active_since(root: Path) -> float | None:
    """When the present state was made, in seconds since the epoch; None where nothing is tried."""
    state = _state(root)
    if state is None or not state.name.isdecimal():
        return None
    return int(state.name) / 1e9


def write_experiment(root: Path, experiment: Experiment) -> None:
    """Make nginx do this from the next request on, also after a restart. Raises OSError."""
    with _alone(root):
        _write(root, experiment)


def change_experiment(
    root: Path, change: Callable[[Experiment], Experiment]
) -> tuple[Experiment, Experiment]:
    """Replace the state by what `change` makes of it; the state before and the one after.

    Nobody else changes it meanwhile. Raises CanaryError, OSError, and what `change` raises:
    then nothing has changed.
    """
    with _alone(root):
        before = read_experiment(root)
        after = change(before)
        if after != before:
            _write(root, after)
        return before, after


def replace_damaged(root: Path) -> Experiment:
    """Replace a state that cannot be read by one that tries nothing, and return that one.

    An instance that nginx finds drained stays drained. Raises OSError.
    """
    with _alone(root):
        state = _state(root)
        names = [] if state is None or not state.is_dir() else sorted(_names(state))
        drained = [name.removeprefix(_DRAINED) for name in names if name.startswith(_DRAINED)]
        after = Experiment(drained=drained[0] if len(drained) == 1 else None)
        _write(root, after)
        return after


def _state(root: Path) -> Path | None:
    """The folder that nginx looks into, None where there is none."""
    active = root / ACTIVE
    try:
        return root / FOLDER / active.readlink()
    except FileNotFoundError:
        return None
    except OSError:  # no link: somebody made a file or a folder
        return active


def _read(state: Path) -> Experiment:
    """Raises OSError, KeyError, TypeError, RecursionError, ValueError (also a CanaryError)."""
    value = json.loads((state / _STATE_FILE).read_bytes())
    experiment = Experiment(value["weight"], value["shadow"], value["drained"])
    if type(experiment.weight) is not int or type(experiment.shadow) is not int:
        raise ValueError("a percentage is no whole number")
    if not isinstance(experiment.drained, str | None):
        raise ValueError("the drained instance is no name")
    # What nginx does is what the files say.
    if _files(experiment) != _names(state):
        raise ValueError(f"the files do not say what {_STATE_FILE} says")
    return experiment


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Whoever changes the state does it alone."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(root: Path, experiment: Experiment) -> None:
    folder = root / FOLDER
    active = root / ACTIVE
    if active.is_dir() and not active.is_symlink():
        shutil.rmtree(active)  # a link cannot take the place of a folder
    before = active.readlink().name if active.is_symlink() else None
    if experiment == Experiment():
        active.unlink(missing_ok=True)
        current = None
    else:
        current = str(time.time_ns())
        made = folder / _STATES / current
        made.mkdir(parents=True)
        for entered in (folder, made.parent, made):  # by the workers of nginx, whatever the umask
            entered.chmod(0o755)
        for name in _files(experiment):
            (made / name).touch()
        replace_file(made / _STATE_FILE, json.dumps(asdict(experiment)) + "\n", 0o644)
        link = folder / ".active.new"
        link.unlink(missing_ok=True)
        link.symlink_to(f"{_STATES}/{current}")
        link.replace(active)
    # The state before this one stays: a request may be between two looks at it.
    for state in (folder / _STATES).glob("*"):
        if state.name not in (before, current):
            shutil.rmtree(state, ignore_errors=True)


def _files(experiment: Experiment) -> set[str]:
    """The names that nginx looks for (nginx/conf.d/servers.conf)."""
    names = {f"canary-{bucket:02d}" for bucket in range(min(experiment.weight, BUCKETS))}
    draws = round(experiment.shadow * _DRAWS / 100)
    names |= {f"shadow-{draw:02x}" for draw in range(draws)}
    if experiment.drained is not None:
        names.add(f"{_DRAINED}{experiment.drained}")
    return names


def _names(state: Path) -> set[str]:
    return {path.name for path in state.iterdir()} - {_STATE_FILE}
