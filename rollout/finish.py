"""Finishes a rollout: the candidate becomes the baseline, one instance after the other.

What is done is read off the world each time, not remembered: whoever is killed midway goes on
where it was. v2 answers everybody until all is done, so that no user sees anything of it.
"""

import json
import re
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

from gateway import plain_json
from gateway.atomic import replace_file
from gateway.canary import change_experiment, read_experiment
from gateway.supervisor import SOCKET, ProcessStatus, Supervisor
from gateway.topology import HOST, Instance, Topology
from rollout.baseline import MODELS, digest_of, install
from rollout.candidate import served
from rollout.state import Refused
from rollout.store import FOLDER

DRAIN_S: Final = 2.0
"""Between the last new request to an instance and its restart, at least."""
BUSY_S: Final = 30.0
"""How long requests in flight are waited for, where the instance counts them."""
PATIENCE_S: Final = 60.0
"""After so long a restart that has not succeeded is called a problem."""

FILE: Final = FOLDER / "finishing.json"
"""Says what is under way, and survives a kill."""
_IN_PROGRESS: Final = re.compile(r"^http_requests_in_progress (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Asked:
    """A finish that is under way."""

    digest: str
    """Of the candidate that becomes the baseline."""
    actor: str
    """Who asked for it."""


class Finish:
    """Does it, a little at each call of `go_on`."""

    def __init__(self, root: Path, topology: Topology) -> None:
        """Goes on with what was asked for before, if that is not done."""
        self._root = root
        self._stable, self._tried = topology.versions[:2]
        self._instances = [each for each in topology.instances if each.version == self._stable]
        self.asked = _load(root)
        """What is to be done; None: nothing."""
        self._supervisor = Supervisor(root / SOCKET)
        self._drained_at: dict[str, float] = {}
        self._restarted_at: dict[str, float] = {}

    def begin(self, digest: str, actor: str) -> str:
        """Begin with the candidate of that digest; what to say to `actor`, who asked for it.

        Raises Refused where it could not be done, OSError.
        """
        if self.asked is not None:
            raise Refused("it is being finished already")
        found = digest_of(self._root, self._tried)
        if found != digest:
            holds = "no model" if found is None else f"the model {found}"
            raise Refused(
                f"{MODELS}/{self._tried} holds {holds}, promoted was {digest}: where your "
                f"application keeps its model elsewhere, give it to {self._stable} yourself, "
                "restart that one by one, then abort"
            )
        drained = read_experiment(self._root).drained
        if drained is not None:
            raise Refused(f"{drained} is drained: `canary --undrain {drained}` first")
        if len(self._instances) < 2:
            raise Refused(f"{self._instances[0].name} is the only instance of {self._stable}")
        if not self._supervisor.alive():
            raise Refused("process-compose does not answer: `make start-project`")
        asked = Asked(digest, actor)
        replace_file(self._root / FILE, json.dumps(asdict(asked)) + "\n")
        self.asked = asked
        names = ", ".join(each.name for each in self._instances)
        return f"{names} restart one by one with {digest}, each without requests meanwhile"

    @property
    def way_back(self) -> str:
        """What undoes the part that is done by now."""
        slot = self._stable
        return (
            f"{slot} may hold the new model by now, `make adopt UNDO=1 SLOT={slot}` brings "
            "back the one before"
        )

    def abandon(self) -> None:
        """Do no more of it, and leave no instance without requests. Raises OSError, CanaryError."""
        names = {each.name for each in self._instances}
        change_experiment(
            self._root,
            lambda state: replace(state, drained=None) if state.drained in names else state,
        )
        self.forget()

    def forget(self) -> None:
        """It is done. Raises OSError."""
        (self._root / FILE).unlink(missing_ok=True)
        self.asked = None
        self._drained_at.clear()
        self._restarted_at.clear()

    def go_on(self, now: float) -> str | None:
        """The next part of it; what is under way, None when all is done.

        Raises NotInstalled, OSError, CanaryError, Supervisor*: call again.
        """
        if self.asked is None:
            return None
        digest = self.asked.digest
        install(self._root, self._tried, self._stable, digest)
        for done, instance in enumerate(self._instances):
            state = self._renew(instance, digest, now)
            if state is not None:
                return f"finishing: {state} ({done} of {len(self._instances)} done)"
        return None

    def _renew(self, instance: Instance, digest: str, now: float) -> str | None:
        name = instance.name
        drained = read_experiment(self._root).drained
        model = served(instance)
        if model == digest:
            if drained == name:
                change_experiment(self._root, lambda state: replace(state, drained=None))
            return None
        if drained is None:
            change_experiment(self._root, lambda state: replace(state, drained=name))
            self._drained_at[name] = now
            return f"{name} gets no new requests"
        if drained != name:
            return f"{drained} was drained by hand, `canary --undrain {drained}` lets it go on"
        since = self._drained_at.setdefault(name, now)
        if model is None:
            return self._wait_for(name, now)
        quiet = now - since
        if quiet < DRAIN_S or (quiet < BUSY_S and in_flight(instance) > 0):
            return f"{name} finishes its requests"
        self._restarted_at[name] = now
        self._supervisor.restart(name)
        return f"{name} starts with the new model"

    def _wait_for(self, name: str, now: float) -> str:
        """It does not answer: it starts, or somebody has stopped it."""
        since = self._restarted_at.setdefault(name, now)
        for process in self._supervisor.processes():
            if process.name == name and process.status is ProcessStatus.COMPLETED:
                self._supervisor.start(name)
        if now - since > PATIENCE_S:
            return f"{name} has not been ready for {now - since:.0f} s, see var/logs/{name}.log"
        return f"{name} starts with the new model"


def _load(root: Path) -> Asked | None:
    try:
        return Asked(**plain_json.loads((root / FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def in_flight(instance: Instance) -> int:
    """Requests that an instance is answering, where it counts them; 0 where it does not."""
    try:
        with closing(HTTPConnection(HOST, instance.port, timeout=1.0)) as connection:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read(1 << 20).decode("utf-8", "replace")
    except (OSError, HTTPException):
        return 0
    found = _IN_PROGRESS.search(text)
    # Without the one that asks.
    return max(0, int(float(found[1])) - 1) if found else 0
