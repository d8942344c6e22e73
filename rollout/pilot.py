"""Steers the rollout of a workspace: sees, obeys, decides, writes down, carries out.

What the decision log says is the state. A decision is on the disk before it is carried out; whoever
is killed in between carries it out again when it is started again.
"""

import hashlib
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from gateway.canary import read_experiment
from gateway.errors import ConfigurationError
from gateway.supervisor import SupervisorError, SupervisorTimeout, SupervisorUnreachable
from gateway.topology import Topology
from rollout import capacity, mailbox
from rollout.baseline import NotInstalled
from rollout.candidate import Sight
from rollout.carry import carry_out
from rollout.command import obey
from rollout.decide import begin, decide
from rollout.finish import Finish
from rollout.mailbox import START, Answer, Order
from rollout.plan import Plan
from rollout.policy import FILE, load_policy
from rollout.reading import Reading
from rollout.record import Entry
from rollout.state import ENGINE, Action, Command, Decision, Facts, Phase, Refused
from rollout.status import DECISIONS, Status, in_short
from rollout.status_file import write_status
from rollout.store import Store

TROUBLE: Final = (
    OSError,
    ConfigurationError,
    NotInstalled,
    SupervisorUnreachable,
    SupervisorTimeout,
    SupervisorError,
)
"""What may be over at the next look, and must not end the engine."""


class Pilot:
    """The rollout of a workspace, in the hands of the one process that has its log."""

    def __init__(
        self, root: Path, store: Store, topology: Topology, sight: Callable[[], Sight]
    ) -> None:
        """`sight`: what is known of the instances now. Raises OSError."""
        self._root = root
        self._store = store
        self._sight = sight
        stable, tried = topology.versions[:2]
        names = {stable: "v1", tried: "v2"}
        instances = [each for each in topology.instances if each.version in names]
        self._reading = Reading(
            root,
            {each.address: names[each.version] for each in instances},
            frozenset(each.name for each in instances if each.version == tried),
        )
        self._finish = Finish(root, topology)
        self._since = time.time()
        self._facts = Facts(healthy=False, digest=None)
        self._problems: list[str] = []
        self._latest = [in_short(entry) for entry in store.log.entries[-DECISIONS:]]
        pending, state = store.pending, store.state
        if state is not None and not state.ended and not (pending and _begins_step(pending)):
            self._reading.resume(self._plan, state)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do, and nobody asks for anything."""
        busy = self._under_way or self._store.pending is not None
        return not busy and not mailbox.waiting(self._root)

    @property
    def urgent(self) -> bool:
        """Whether users are v2's: what is seen late is bad answers."""
        state = self._store.state
        return state is not None and not state.ended and state.weight > 0

    def look(self, now: float) -> None:
        """What is to be done now, in seconds since the epoch. Ends whatever the trouble is."""
        self._problems = []
        for part in (self._complete, self._see, self._obey, self._go_on, self._decide, self._tell):
            try:
                part(now)
            except TROUBLE as error:
                self._problems.append(str(error))
                sys.stderr.write(f"rollout: {error}\n")
                sys.stderr.flush()

    def close(self) -> None:
        """Close the logs."""
        self._reading.close()

    @property
    def _under_way(self) -> bool:
        state = self._store.state
        return state is not None and not state.ended

    @property
    def _plan(self) -> Plan:
        entries = self._store.log.entries
        return entries[-1].plan if entries else Plan()

    def _complete(self, now: float) -> None:
        """Carry out what is still to be: whoever decided it was killed, or could not."""
        if (entry := self._store.pending) is not None:
            self._carry_out(entry, now)

    def _see(self, now: float) -> None:
        sight = self._sight()
        self._facts = Facts(
            healthy=sight.healthy,
            digest=sight.digest,
            capacity=capacity.measured(self._root, sight.digest),
            load=sight.load,
        )
        if self._under_way:
            self._reading.read()
            self._reading.notice(sight.runs)
            if sight.problem is not None:
                self._problems.append(sight.problem)
        self._facts = replace(self._facts, restarts=self._reading.unplanned)
        experiment = read_experiment(self._root)  # last: it may be damaged
        self._facts = replace(self._facts, weight=experiment.weight, shadow=experiment.shadow)

    def _obey(self, now: float) -> None:
        for order in mailbox.take(self._root, now):
            try:
                found = self._order(order, now)
            except (Refused, *TROUBLE) as error:
                found = Answer(False, str(error))
            mailbox.answer(self._root, order.name, found)

    def _order(self, order: Order, now: float) -> Answer:
        state = self._store.state
        if order.command == START:
            return self._start(order, now)
        if state is None:
            raise Refused("there is no rollout: `rollout start` begins one")
        command = Command(order.command)
        decision = obey(self._plan, state, self._facts, self._reading.seen, now, command)
        if command is Command.FINISH:
            return Answer(True, self._finish.begin(state.digest or "", order.actor))
        found = self._taken(decision, self._plan, now, order.actor, command)
        if command is Command.ABORT and self._finish.asked is not None:
            return replace(found, reason=f"{found.reason}; {self._finish.way_back}")
        return found

    def _start(self, order: Order, now: float) -> Answer:
        if self._under_way:
            raise Refused("a rollout is under way: finish or abort it first")
        for what, value in (("canary", self._facts.weight), ("shadow", self._facts.shadow)):
            if value:
                raise Refused(f"the {what} is at {value} %: `canary off` first")
        plan = load_policy(self._root, order.policy or FILE)
        return self._taken(begin(plan, self._facts, now), plan, now, order.actor, None)

    def _go_on(self, now: float) -> None:
        """With the finish, where one was asked for."""
        state, asked = self._store.state, self._finish.asked
        if asked is None or state is None:
            return
        if state.place is not Phase.PROMOTED or state.digest != asked.digest:
            self._finish.abandon()  # it was rolled back meanwhile
            return
        if (doing := self._finish.go_on(now)) is not None:
            self._problems.append(doing)
            return
        try:
            seen = self._reading.seen
            decision = obey(self._plan, state, self._facts, seen, now, Command.FINISH)
        except Refused as error:
            self._problems.append(f"finishing: {error}")
            return
        self._taken(decision, self._plan, now, asked.actor, Command.FINISH)
        self._finish.forget()

    def _decide(self, now: float) -> None:
        state = self._store.state
        if state is None or state.ended:
            return
        if not self._reading.caught_up:
            self._problems.append("reading what the logs hold since the step began")
            return
        decision = decide(self._plan, state, self._facts, self._reading.seen, now)
        # One that cannot be carried out is no reason to leave users on a bad v2.
        waits = self._store.pending is not None and decision.action is not Action.ROLL_BACK
        if decision.action is not Action.WAIT and not waits:
            self._taken(decision, self._plan, now, ENGINE, None)

    def _taken(
        self, decision: Decision, plan: Plan, now: float, actor: str, command: Command | None
    ) -> Answer:
        """Write a decision down, then carry it out."""
        facts = replace(self._facts, config_digest=_config_digest(self._root))
        seen = self._reading.seen
        try:
            entry = self._store.decided(decision, seen, facts, plan, now, actor, command)
        except OSError:
            if decision.action is Action.ROLL_BACK:
                carry_out(self._root, decision, now)  # a full disk must not keep users on a bad v2
            raise
        self._latest = [*self._latest, in_short(entry)][-DECISIONS:]
        after = decision.after
        sys.stderr.write(
            f"rollout: #{entry.seq} {actor}: {decision.action}, {after.phase} at {after.weight} %: "
            f"{decision.reason}\n"
        )
        sys.stderr.flush()
        try:
            self._carry_out(entry, now)
        except TROUBLE as error:
            self._problems.append(f"decided and not yet carried out: {error}")
        return Answer(True, decision.reason, entry.seq)

    def _carry_out(self, entry: Entry, now: float) -> None:
        after = entry.decision.after
        warm_from = carry_out(self._root, entry.decision, now)
        if _begins_step(entry):
            fresh = entry.decision.action is Action.START
            self._reading.begin(entry.plan, after, warm_from, self._sight().runs, fresh)
        self._store.applied(entry, now)

    def _tell(self, now: float) -> None:
        status = Status(
            time=now,
            pid=os.getpid(),
            since=self._since,
            state=self._store.state,
            seen=self._reading.seen,
            facts=self._facts,
            plan=self._plan,
            decisions=tuple(self._latest),
            problem="; ".join(self._problems) or None,
        )
        write_status(self._root, status)


def _begins_step(entry: Entry) -> bool:
    """Whether what was seen before does not count any more."""
    after = entry.decision.after
    return not after.ended and (entry.before is None or after.began != entry.before.began)


def _config_digest(root: Path) -> str:
    """Of what nginx is told, for the record: which files, and what is in them."""
    digest = hashlib.sha256()
    for path in sorted((root / "nginx").rglob("*.conf")):
        digest.update(f"{path.relative_to(root)}\0".encode())
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()
