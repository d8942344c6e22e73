"""Sends the requests of a recording again, each to both versions, and compares the answers.

The first of the two goes out as it was recorded, so canary and rollout see the users that they
would see. Its twin asks, by header, for the version that did not answer: forced requests take
part in no test of a rollout.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from gateway.errors import AnswerMissing
from gateway.versions import version_served
from gateway.workload import Text, Workload
from probes.ab_client import Answer
from probes.ab_run import GROUPS, HEADER, Asking
from probes.ab_tally import word
from probes.again_plan import PAIR_S, Again, Plan
from probes.client import NoAnswer
from probes.recorded import TWIN


@dataclass(slots=True)
class Outcome:
    """What became of the requests. The agreement matrix is `matrix`."""

    sent: int = 0
    """Twins not counted."""
    answered: Counter[int] = field(default_factory=Counter)
    """By status, twins not counted."""
    errors: int = 0
    """Without an answer, twins included."""
    matrix: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often the first version said the one and the second version the other."""
    last_error: str = ""

    @property
    def pairs(self) -> int:
        """Requests that both versions answered."""
        return self.matrix.total()

    @property
    def same(self) -> int:
        """Pairs in which both said the same."""
        return sum(count for (first, second), count in self.matrix.items() if first == second)


class Resender:
    """Sends a plan, one thread for each address."""

    def __init__(
        self,
        client: Asking,
        workload: Workload,
        texts: Sequence[Text],
        sources: Sequence[str],
        served: Mapping[str, str],
    ) -> None:
        """`served` says which version each instance serves; the first two are compared."""
        self._client, self._workload, self._texts = client, workload, texts
        self._sources, self._served = sources, served
        self._versions = tuple(dict.fromkeys(served.values()))[:2]
        self._run = secrets.token_hex(4)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._outcome = Outcome()
        self._threads: list[threading.Thread] = []

    def start(self, plan: Plan) -> None:
        """Begin to send."""
        begun = time.monotonic()
        self._threads = [
            threading.Thread(target=self._send_all, args=(source, requests, begun), daemon=True)
            for source, requests in zip(self._sources, plan.by_source, strict=False)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def over(self) -> bool:
        """Whether everything has been sent and answered, or given up."""
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def sent(self) -> int:
        """How many have been sent until now, twins not counted."""
        with self._lock:
            return self._outcome.sent

    def finish(self) -> Outcome:
        """Send nothing more, wait for the answers, and say what came of it."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return self._outcome

    def _send_all(self, source: str, requests: Sequence[Again], begun: float) -> None:
        last = float("-inf")
        for request in requests:
            # Late ones keep their distance: in a heap they would meet the limit.
            due = max(begun + request.due, last + PAIR_S)
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            last = time.monotonic()
            self._send(source, request)

    def _send(self, source: str, request: Again) -> None:
        text = self._texts[request.text].text
        body = json.dumps(self._workload.body(text), ensure_ascii=False).encode()
        headers = {"X-Request-ID": f"again-{self._run}-{request.number:06d}"}
        if request.user:
            headers["X-User-Id"] = request.user
        if request.group:
            headers[HEADER] = request.group
        with self._lock:
            self._outcome.sent += 1
        first = self._ask(source, headers, body)
        if first is None:
            return
        with self._lock:
            self._outcome.answered[first.status] += 1
        place = self._place(first)
        said = self._said(first)
        if place is None or said is None:
            return
        headers["X-Request-ID"] = f"{TWIN}{self._run}-{request.number:06d}"
        headers[HEADER] = GROUPS[1 - place]
        second = self._ask(source, headers, body)
        if second is None or self._place(second) != 1 - place:
            return
        twin = self._said(second)
        if twin is not None:
            pair = (said, twin) if place == 0 else (twin, said)
            with self._lock:
                self._outcome.matrix[pair] += 1

    def _ask(self, source: str, headers: Mapping[str, str], body: bytes) -> Answer | None:
        try:
            return self._client.ask(source, dict(headers), body)
        except NoAnswer as error:
            with self._lock:
                self._outcome.errors += 1
                self._outcome.last_error = str(error)
            return None

    def _place(self, answer: Answer) -> int | None:
        """0 if the first version answered, 1 if the second did."""
        version = version_served(answer.instance, self._served)
        return self._versions.index(version) if version in self._versions else None

    def _said(self, answer: Answer) -> str | None:
        if answer.status != HTTPStatus.OK:
            return None
        try:
            return word(self._workload.answer(answer.body))
        except AnswerMissing:
            return None
