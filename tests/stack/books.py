"""The books of the running gateway: logs, exporter and services, which have to agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from gateway.accesslog import Access, parse
from gateway.shadow_log import Shadow
from gateway.shadow_log import parse as parse_shadow
from gateway.supervisor import Supervisor
from gateway.topology import Topology
from scripts.stack import wait_until

Key = tuple[str, str, str]
"""upstream, cohort, status"""
Copied = tuple[str, str]
"""upstream, status"""


@dataclass(frozen=True, slots=True)
class _Page:
    """What all of them said at one moment. (A Counter's minus drops what is not positive.)"""

    log: Counter[bytes]
    shadow: Counter[bytes]
    exported: Counter[Key]
    copies: Counter[Copied]
    own: dict[str, tuple[int, int]]
    """Of each instance that answers: pid, predictions that it has counted."""


class Books:
    """What has been written since this was made."""

    def __init__(self, root: Path, supervisor: Supervisor, topology: Topology) -> None:
        self._root, self._supervisor, self._topology = root, supervisor, topology
        self._first = self._settled()

    def accesses(self, mark: str = "") -> list[Access]:
        """New lines of the access log, also of the pieces that were rotated away.

        `mark`: only requests whose id starts with it.
        """
        found = (parse(line) for line in (self._log("access") - self._first.log).elements())
        return [access for access in found if access.request_id.startswith(mark)]

    def shadows(self, mark: str = "") -> list[Shadow]:
        """New lines of the log of the shadow, likewise."""
        found = (parse_shadow(line) for line in self._new_shadows())
        return [shadow for shadow in found if shadow.request_id.startswith(mark)]

    def balance(self) -> None:
        """Log, exporter and the instances' own counters have to tell one story.

        A killed instance takes its count with it, and one that was stopped may answer later what
        nginx has given up: for those the log says between what the count has to be.
        """
        assert wait_until(lambda: not self._differences(), 30), self._differences()

    def _differences(self) -> list[str]:
        now = self._page()
        # The same each time: nginx writes a line after the client has its answer.
        logged = Counter(self._key(access) for access in self.accesses())
        exported = now.exported - self._first.exported
        found = [] if logged == exported else [f"log {logged}, exporter {exported}"]
        written = Counter(self._copied(shadow) for shadow in self.shadows())
        shown = now.copies - self._first.copies
        found += [] if written == shown else [f"shadow log {written}, exporter {shown}"]
        for instance in self._topology.instances:
            if instance.name not in now.own:
                continue
            attempts = [
                attempt
                for access in self.accesses()
                if access.uri.startswith("/predict")
                for attempt in access.upstream_attempts
                if attempt.address == instance.address
            ]
            copies = [line for line in self.shadows() if instance.version == "v2"]
            asked = len(attempts) + len(copies)
            answered = sum(attempt.status == 200 for attempt in attempts)
            answered += sum(copy.status == 200 for copy in copies)
            old_pid, before = self._first.own.get(instance.name, (0, 0))  # (0, 0): was down
            pid, after = now.own[instance.name]
            lowest, counted = (answered, after - before) if pid == old_pid else (0, after)
            if not lowest <= counted <= asked:
                found.append(f"{instance.name} counts {counted}, the log {answered} of {asked}")
        return found

    def _settled(self) -> _Page:
        """A page on which log and exporter agree already, so that nothing old comes later."""

        def even() -> bool:
            page = self._page()
            log = Counter(self._key(parse(line)) for line in page.log.elements())
            copies = Counter(self._copied(parse_shadow(line)) for line in page.shadow.elements())
            return log == page.exported and copies == page.copies

        assert wait_until(even, 30), "log and exporter did not agree before anything was sent"
        return self._page()

    def _page(self) -> _Page:
        exported, copies = self._exported()
        logs = self._log("access"), self._log("shadow")
        return _Page(*logs, exported, copies, dict(self._services()))

    def _log(self, name: str) -> Counter[bytes]:
        pieces = (self._root / "var/logs").glob(f"{name}.jsonl*")
        return Counter(line for piece in pieces for line in piece.read_bytes().splitlines())

    def _new_shadows(self) -> Iterator[bytes]:
        return (self._log("shadow") - self._first.shadow).elements()

    def _key(self, access: Access) -> Key:
        upstream = self._upstream(access.upstream or "")
        return upstream, access.cohort or "none", f"{access.status:03d}"

    def _copied(self, shadow: Shadow) -> Copied:
        return self._upstream(shadow.upstream), f"{shadow.status:03d}"

    def _upstream(self, address: str) -> str:
        instance = self._topology.instance_at(address)
        return instance.name if instance else address or "none"

    def _exported(self) -> tuple[Counter[Key], Counter[Copied]]:
        text = httpx.get(f"http://127.0.0.1:{self._topology.exporter_port}/metrics").text
        requests: Counter[Key] = Counter()
        copies: Counter[Copied] = Counter()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels, value = sample.labels, int(sample.value)
                if sample.name == "gateway_requests_total":
                    requests[labels["upstream"], labels["cohort"], labels["status"]] += value
                elif sample.name == "gateway_shadow_requests_total":
                    copies[labels["upstream"], labels["status"]] += value
        return requests, copies

    def _services(self) -> Iterator[tuple[str, tuple[int, int]]]:
        pids = {process.name: process.pid for process in self._supervisor.processes()}
        for instance in self._topology.instances:
            try:
                text = httpx.get(f"http://{instance.address}/metrics").text
            except httpx.HTTPError:
                continue  # down; what it counted is gone
            yield instance.name, (pids[instance.name], predictions(text))


def predictions(metrics: str) -> int:
    """How many requests for a prediction an instance says that it has answered."""
    return sum(
        int(sample.value)
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if sample.name == "http_requests_total" and sample.labels["handler"] == "/predict"
    )
