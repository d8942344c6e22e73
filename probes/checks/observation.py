"""Does Prometheus see every process?"""

from __future__ import annotations

import shlex
import time
from collections.abc import Collection, Sequence
from typing import Any

from gateway.errors import ConfigurationError
from gateway.offers import MetricsOffer, metrics_offer
from gateway.ports import parse_port
from gateway.scrape_targets import Target, read_targets
from gateway.topology import HOST
from probes.checks.finding import Finding, failed, judged
from probes.exchange import ask
from probes.verdict import Verdict
from probes.workspace import Workspace

TARGETS = "/api/v1/targets?state=active"
NEXT_SCRAPE_S = 12.0
"""How long a target that answers may be called something else than up: Prometheus lists its
targets 5 s after its start and asks each every 5 s (monitoring/prometheus.yml), so it does not
know yet of what has just started."""
_POLL_S = 0.25

Seen = dict[tuple[str, str], tuple[str, str]]
"""Health and last error by job and address."""


def prometheus(workspace: Workspace) -> Finding:
    """Every target of monitoring/prometheus.yml is up, or offers no metrics."""
    try:
        expected = read_targets(workspace.root)
    except ConfigurationError as error:
        return Finding(Verdict.ERROR, str(error))
    deadline = time.monotonic() + NEXT_SCRAPE_S
    while True:
        try:
            seen = active(ask(workspace.topology.prometheus_port, "GET", TARGETS).json())
        except ConnectionError as error:
            return failed(f"Prometheus does not answer ({error}): see var/logs/prometheus.log")
        except (ValueError, KeyError, TypeError) as error:
            return Finding(Verdict.ERROR, f"Prometheus answered in an unknown form ({error!r})")
        if not _may_change(expected, seen) or time.monotonic() > deadline:
            return judge(expected, seen, _without_metrics(expected, seen))
        time.sleep(_POLL_S)


def prometheus_command(workspace: Workspace) -> str:
    """What Prometheus says about its targets."""
    url = f"http://{HOST}:{workspace.topology.prometheus_port}{TARGETS}"
    return shlex.join(["curl", "-sS", url])


def active(body: Any) -> Seen:
    """The answer of /api/v1/targets. Raises KeyError or TypeError for anything else."""
    return {
        (str(target["labels"]["job"]), str(target["discoveredLabels"]["__address__"])): (
            str(target["health"]),
            str(target["lastError"]),
        )
        for target in body["data"]["activeTargets"]
    }


def judge(expected: Sequence[Target], seen: Seen, without: Collection[str]) -> Finding:
    """Compare what should be asked with what is; `without`: addresses that offer no metrics."""
    problems, not_offered, up = [], [], 0
    for target in expected:
        name = target.labels.get("instance", target.address)
        health, error = seen.get((target.job, target.address), ("unlisted", ""))
        if health == "up":
            up += 1
        elif health == "unlisted":
            problems.append(f"{name} is not known to Prometheus: restart it to read {target.place}")
        elif target.address in without:
            not_offered.append(name)
        else:
            problems.append(f"{name} is {health}" + (f" ({error})" if error else ""))
    evidence = f"{up} of {len(expected)} targets up"
    if not_offered:
        evidence += f"; not offered by {', '.join(not_offered)}"
    return judged(problems, evidence)


def _not_up(expected: Sequence[Target], seen: Seen) -> list[str]:
    """Addresses of the targets that Prometheus knows and does not call up."""
    known = [each for each in expected if (each.job, each.address) in seen]
    return [each.address for each in known if seen[each.job, each.address][0] != "up"]


def _may_change(expected: Sequence[Target], seen: Seen) -> bool:
    if not seen:  # Prometheus itself has just started
        return bool(expected)
    offers = map(_offer, _not_up(expected, seen))
    return any(offer is MetricsOffer.OFFERED for offer in offers)


def _without_metrics(expected: Sequence[Target], seen: Seen) -> list[str]:
    down = _not_up(expected, seen)
    return [address for address in down if _offer(address) is MetricsOffer.NOT_OFFERED]


def _offer(address: str) -> MetricsOffer:
    port = parse_port(address.rpartition(":")[2])
    return MetricsOffer.UNREACHABLE if port is None else metrics_offer(port)
