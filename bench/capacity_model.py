"""How much a gateway and its hosts carry, and how long requests wait: from measured inputs.

Each host is one queue for its cores, served by all of them (M/M/c: Poisson arrivals, one queue,
c servers). The probability of waiting is Erlang's C formula (A. K. Erlang, 1917; L. Kleinrock,
Queueing Systems, vol. 1, 1975, section 3.5), and waiting times beyond zero are exponential
(D. Gross et al., Fundamentals of Queueing Theory, 4th ed., 2008, section 2.3). Real service
times vary less than exponential ones, so that part of the waiting is overestimated; what the
kernel and the neighbours of a virtual machine add is not in it at all.

Times are in seconds, rates in requests per second. Pure: no I/O.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU seconds that one request costs, by whom."""

    gateway: float
    """nginx and exporter, on the first host."""
    service: float
    """An instance, wherever it is."""
    hop_out: float = 0.0
    """On the first host, of a request that goes on to another one: the relay."""
    hop_in: float = 0.0
    """On that other host: its entry."""
    client: float = 0.0
    """On the first host, where the load generator runs there, too."""


@dataclass(frozen=True, slots=True)
class Host:
    """What a machine has."""

    cores: int
    instances: int
    """Each is one thread, and gets the same share of the requests."""


@dataclass(frozen=True, slots=True)
class Station:
    """Equal servers before which there is one queue."""

    name: str
    servers: int
    share: float
    """The part of all requests that comes here."""
    service: float
    """Seconds of one server for each request that does."""

    @property
    def capacity(self) -> float:
        """Requests per second of the whole system at which it is busy all the time."""
        work = self.share * self.service
        return self.servers / work if work > 0 else math.inf

    def utilisation(self, rate: float) -> float:
        """The part of the time that a server is busy; 1 is all of it."""
        return rate / self.capacity

    def wait(self, rate: float) -> float:
        """Mean time in the queue; infinite from the capacity on."""
        if rate >= self.capacity:
            return math.inf
        load = rate * self.share * self.service
        return erlang_c(self.servers, load) * self.service / (self.servers - load)

    def wait_quantile(self, rate: float, part: float) -> float:
        """The time in the queue that `part` (0.99, say) of those who come here do not exceed."""
        if rate >= self.capacity:
            return math.inf
        load = rate * self.share * self.service
        waiting = erlang_c(self.servers, load)
        if waiting <= 1 - part:
            return 0.0
        return math.log(waiting / (1 - part)) * self.service / (self.servers - load)


def erlang_c(servers: int, load: float) -> float:
    """The probability that a request has to wait for one of `servers`; `load` in erlangs.

    A load of `servers` or more: 1. Raises ValueError without a server or for a negative load.
    """
    if servers < 1 or load < 0:
        raise ValueError("at least one server, and no negative load")
    if load >= servers:
        return 1.0
    # Erlang's B by its recursion, which neither overflows nor cancels.
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    utilisation = load / servers
    return blocked / (1 - utilisation * (1 - blocked))


def stations(costs: Costs, hosts: Sequence[Host]) -> tuple[Station, ...]:
    """The queues of a system; the gateway is on the first of `hosts`.

    Raises ValueError when there is no instance at all.
    """
    instances = sum(host.instances for host in hosts)
    if instances < 1:
        raise ValueError("at least one instance")
    found = []
    for number, host in enumerate(hosts):
        share = host.instances / instances
        if number == 0:
            passing, away = 1.0, 1 - share
            work = costs.gateway + costs.client + share * costs.service + away * costs.hop_out
        else:
            passing, work = share, costs.hop_in + costs.service
        if passing:
            name = f"cores of host {number + 1}"
            found.append(Station(name, host.cores, passing, work))
        # More instances than cores: the cores are what is waited for.
        if 0 < host.instances < host.cores:
            name = f"instances of host {number + 1}"
            found.append(Station(name, host.instances, share, costs.service))
    return tuple(found)


def bottleneck(system: Sequence[Station]) -> Station:
    """The station that is busy first."""
    return min(system, key=lambda station: station.capacity)


def carried(system: Sequence[Station], utilisation: float) -> float:
    """Requests per second at which the busiest station is busy for that part of the time."""
    return utilisation * bottleneck(system).capacity


def response_quantile(
    system: Sequence[Station], unhurried: float, rate: float, part: float
) -> float:
    """The time that `part` of the answers do not exceed at `rate`.

    `unhurried` is the time of an answer when nothing else is asked; the waiting is that at the
    busiest station.
    """
    return unhurried + bottleneck(system).wait_quantile(rate, part)
