"""Latency at a given pace, however long the answers take: an open loop.

wrk is a closed loop: a connection that waits for a slow answer sends nothing meanwhile, so the
slow moments are asked less often (coordinated omission). Here each request has its time beforehand,
random and independent (Poisson), and its latency counts from that time, whether or not it could be
sent then (Tene, *How NOT to measure latency*, 2013; Schroeder and others, *Open versus closed*,
NSDI 2006). In Python, so only for paces that one core of it can send: some hundred a second.
"""

from __future__ import annotations

import http.client
import random
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from bench.errors import BenchError
from bench.load import Target

SENDERS = 64
"""Connections. A request for which none is free waits, and its wait counts."""
_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Latencies:
    """Of one run, in milliseconds from when a request was due."""

    requests: int
    p50_ms: float
    p99_ms: float


def run(target: Target, per_second: float, seconds: float, seed: int) -> Latencies:
    """Send `per_second` on average for `seconds`. Raises BenchError where one is not answered."""
    draw = random.Random(seed)  # noqa: S311 - a pace, no secret
    due = [0.0]
    while due[-1] < seconds:
        due.append(due[-1] + draw.expovariate(per_second))
    kept = threading.local()
    address = urlsplit(target.url)
    headers = {"Content-Type": "application/json", **target.headers}
    opened: list[http.client.HTTPConnection] = []

    def send(moment: float) -> float:
        if not hasattr(kept, "connection"):
            kept.connection = http.client.HTTPConnection(address.netloc, timeout=_TIMEOUT_S)
            opened.append(kept.connection)
        kept.connection.request("POST", address.path, target.body, headers)
        response = kept.connection.getresponse()
        response.read()
        if response.status != http.client.OK:
            raise BenchError(f"{target.url} answers {response.status}")
        return (time.monotonic() - moment) * 1000

    try:
        with ThreadPoolExecutor(SENDERS) as senders:
            begun = time.monotonic()
            waiting = []
            for moment in (begun + offset for offset in due):
                time.sleep(max(0.0, moment - time.monotonic()))
                waiting.append(senders.submit(send, moment))
            found = [each.result() for each in waiting]
    except (OSError, http.client.HTTPException) as error:
        raise BenchError(f"{target.url}: {error}") from error
    finally:
        # Nobody sends any more: a connection that is closed under a sender opens again.
        for connection in opened:
            connection.close()
    percents = statistics.quantiles(found, n=100)
    return Latencies(len(found), percents[49], percents[98])
