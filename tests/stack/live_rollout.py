"""A rollout of a running workspace under living traffic: what a person sees of it and does."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

from gateway.accesslog import Access
from gateway.atomic import replace_file
from gateway.canary import Experiment, read_experiment
from gateway.follow import Follower
from gateway.supervisor import SOCKET, Supervisor
from rollout.observe import Observations
from rollout.record import Entry, explain
from rollout.state import Phase
from rollout.status import Status
from rollout.status_file import FILE as STATUS
from rollout.store import read_log
from scripts.stack import wait_until
from tests.stack.clone import Clone
from tests.stack.hurting import process, wait_for_another

FAULTS = Path("var/faults.json")
"""What FAULTS_FILE is when the workspace is started."""
WELL = {(200, "v1")}
"""What is answered where nothing is tried: status, cohort."""
WARM_UP_S = 1
LONG = f"""\
shadow: {{percent: 0}}
steps:
  - {{weight: 25, min_users: 10, min_time: 1h}}
  - {{weight: 100, min_users: 10, min_time: 1h}}
warm_up: {WARM_UP_S}s
max_wait: 2h
"""
"""Stays at 25 %, until it is taken back."""
SHORT = f"""\
shadow: {{percent: 20, min_pairs: 20, min_time: 1s}}
steps:
  - {{weight: 25, min_users: 30, min_time: 3s}}
  - {{weight: 50, min_users: 50, min_time: 3s}}
  - {{weight: 100, min_users: 60, min_time: 2s}}
warm_up: {WARM_UP_S}s
"""


class Rollout:
    """What a person sees and does in the workspace."""

    def __init__(self, clone: Clone, folder: Path) -> None:
        self.clone, self.root = clone, clone.root
        self._folder = folder
        self.supervisor = Supervisor(clone.root / SOCKET)
        self._log = Follower(clone.root / "var/logs/access.jsonl")
        self.answers()

    def policy(self, text: str) -> str:
        """A file with that policy."""
        path = self._folder / "policy.yaml"
        path.write_text(text)
        return str(path)

    def start(self, policy: str) -> None:
        done = self.clone.run("dashboard", "rollout", "start", "--policy", self.policy(policy))
        assert done.returncode == 0, done.stderr

    @property
    def seen(self) -> Observations:
        """What the engine has seen of the step."""
        return Status.from_json(json.loads((self.root / STATUS).read_bytes())).seen

    def has_reached(self, phase: Phase, weight: int) -> bool:
        state = read_log(self.root).state
        return state is not None and (state.phase, state.weight) == (phase, weight)

    def wait_for(self, phase: Phase, weight: int, seconds: float = 30) -> None:
        found = wait_until(lambda: self.has_reached(phase, weight), seconds)
        assert found, [e.decision.reason for e in read_log(self.root).entries[-3:]]

    def wait_for_evidence(self) -> None:
        """Until the warm-up of the step is over and v2 has been watched for a while."""
        self.wait_for(Phase.STEP, 25)
        assert wait_until(lambda: self.seen.weight == 25 and self.seen.requests_v2 > 40, 30)

    def kill_v2(self) -> None:
        """kill -9; until there is another one."""
        pid = process(self.supervisor, "v2-1").pid
        os.kill(pid, signal.SIGKILL)
        wait_for_another(self.supervisor, "v2-1", pid)

    @property
    def last(self) -> Entry:
        """The last decision."""
        return read_log(self.root).entries[-1]

    def is_rolled_back_by(self, *triggers: str) -> bool:
        """Whether one of these did it, from 25 %, and would do it again."""
        last = self.last
        assert last.decision.trigger in triggers, last.decision.reason
        assert last.before is not None
        return last.before.weight == 25 and explain(last).differences == ()

    def answers(self) -> list[Access]:
        """The requests of the traffic that have been logged since the last call, or the start."""
        return [line for line in self._log.read(1 << 26) if line.user_id.startswith("u-")]

    def clear(self) -> None:
        """No fault, no rollout and nothing else that is tried."""
        (self.root / FAULTS).unlink(missing_ok=True)
        state = read_log(self.root).state
        if state is not None and not state.ended:
            self.clone.run("dashboard", "rollout", "abort")
        self._wait_until_nothing_is_tried()

    def outcomes_from_now_on(self) -> set[tuple[int, str]]:
        """Status and cohort of more than 50 requests that begin after the end of the experiment."""
        # A decision is written first, and then carried out; requests of before are still answered.
        self._wait_until_nothing_is_tried()
        begun = time.time()
        after: list[Access] = []

        def enough() -> bool:
            found = self.answers()
            after.extend(line for line in found if line.time - line.request_time > begun)
            return len(after) > 50

        assert wait_until(enough, 30)
        return {(line.status, line.cohort) for line in after}

    def _wait_until_nothing_is_tried(self) -> None:
        assert wait_until(lambda: read_experiment(self.root) == Experiment(), 30)


def faulty(clone: Clone, model_ms: float = 0.0, **fault: float) -> None:
    """From now on, or a second later, v2 is like that, and every instance takes `model_ms`."""
    faults = {each.name: {"delay_ms": model_ms} for each in clone.topology.instances}
    faults["v2-1"] |= fault
    replace_file(clone.root / FAULTS, json.dumps(faults))
