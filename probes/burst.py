"""How many requests a second one instance answers: as many as it can for two seconds.

Straight to its port, not through the gateway, whose limit would be what is measured. The client
runs on the same machine and takes its part of it, so that the figure is on the safe side.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from gateway.topology import HOST, Instance
from gateway.workload import Workload

SECONDS: Final = 2.0
CONNECTIONS: Final = 4
_ANSWER_S: Final = 5.0
USER_AGENT: Final = "switchyard-measure"


@dataclass(frozen=True, slots=True)
class Burst:
    """What one instance did."""

    answered: int
    failed: int
    seconds: float

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.answered / self.seconds


def burst(instance: Instance, workload: Workload, seconds: float = SECONDS) -> Burst:
    """Ask the instance for `seconds`, each connection as soon as it has its answer."""
    body = json.dumps(workload.body(workload.example.text)).encode()
    counts = [[0, 0] for _ in range(CONNECTIONS)]
    begun = time.monotonic()
    threads = [
        threading.Thread(target=_ask, args=(instance, workload, body, begun + seconds, count))
        for count in counts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.monotonic() - begun
    return Burst(sum(count[0] for count in counts), sum(count[1] for count in counts), taken)


def _ask(
    instance: Instance, workload: Workload, body: bytes, until: float, count: list[int]
) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
    with closing(http.client.HTTPConnection(HOST, instance.port, timeout=_ANSWER_S)) as connection:
        while time.monotonic() < until:
            try:
                connection.request(workload.method, workload.path, body, headers)
                response = connection.getresponse()
                response.read()
                count[response.status >= http.client.BAD_REQUEST] += 1
            except (OSError, http.client.HTTPException):
                connection.close()
                count[1] += 1
                if count[1] > CONNECTIONS:
                    return  # nobody is there
