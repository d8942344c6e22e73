"""Do the instances offer metrics? An application of one's own need not.

Prometheus shows an instance without /metrics as down, like one that does not answer;
this tells the two apart.
"""

import http.client
from contextlib import closing
from enum import Enum
from http import HTTPStatus

from gateway.topology import HOST, Topology

TIMEOUT_S = 2.0


class MetricsOffer(Enum):
    """What an instance says when it is asked for /metrics."""

    OFFERED = "offered"
    NOT_OFFERED = "not offered"
    UNREACHABLE = "unreachable"


def metrics_offer(port: int) -> MetricsOffer:
    """Ask one instance for its metrics. Any answer but 200 means that it offers none."""
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT_S)
    with closing(connection):
        try:
            connection.request("GET", "/metrics")
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return MetricsOffer.UNREACHABLE
    return MetricsOffer.OFFERED if status == HTTPStatus.OK else MetricsOffer.NOT_OFFERED


def metrics_offers(topology: Topology) -> dict[str, MetricsOffer]:
    """What each instance offers, by its name."""
    return {instance.name: metrics_offer(instance.port) for instance in topology.instances}
