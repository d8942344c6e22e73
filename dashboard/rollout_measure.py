"""`rollout measure`: what the candidate can do, for the rollout to refuse a step beyond it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from gateway.canary import read_experiment
from gateway.command import Voice
from gateway.exit_codes import ExitCode
from gateway.settings import load_settings
from gateway.topology import load_topology
from gateway.workload import load_workload
from probes.burst import CONNECTIONS, SECONDS, burst
from rollout import capacity, words
from rollout.candidate import served

_voice = Voice("rollout")


def measure(root: Path) -> int:
    """Measure every instance of the candidate, one after the other, and note the sum.

    Raises ConfigurationError, OSError.
    """
    experiment = read_experiment(root)
    if experiment.weight or experiment.shadow:
        return _voice.fail(
            "v2 answers users or copies now: measure before the start", ExitCode.FAILED
        )
    topology = load_topology(root, load_settings(root, os.environ))
    workload = load_workload(root)
    tried = [each for each in topology.instances if each.version == topology.versions[1]]
    total, digests = 0.0, set()
    for instance in tried:
        digest = served(instance)
        if digest is None:
            return _voice.fail(
                f"{instance.name} is not ready: start it first", ExitCode.UNREACHABLE
            )
        found = burst(instance, workload)
        if found.failed:
            reason = f"{instance.name} failed {found.failed} of {found.answered + found.failed}"
            return _voice.fail(f"{reason} requests: nothing was noted", ExitCode.FAILED)
        digests.add(digest)
        total += found.rate
    if len(digests) != 1:
        return _voice.fail("the instances serve different models: restart them", ExitCode.FAILED)
    digest = digests.pop()
    capacity.note(root, digest, total)
    who = words.counted(len(tried), "instance")
    sys.stdout.write(
        f"capacity {total:.1f} requests/s of {digest} ({who}, {SECONDS:g} s, "
        f"{CONNECTIONS} connections)\n"
    )
    sys.stdout.flush()
    return ExitCode.PASS
