"""`make traffic FROM=recording.jsonl SPEED=10`: recorded requests, sent again to both versions.

In the foreground, because it has a result: the agreement matrix, which is the same for the same
recording, corpus and models, whatever the canary is at. stdout is one JSON document
(probes/traffic-again.schema.json); everything for people goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from gateway.command import Voice
from gateway.errors import ConfigurationError
from gateway.exit_codes import ExitCode
from probes.ab_client import AskingClient
from probes.again_plan import MOST, Plan, plan, read_speed
from probes.again_run import Outcome, Resender
from probes.client import NoAnswer
from probes.recorded import Recording, read_recording
from probes.sources import NO_CHOICE, PER_SOURCE, traffic_sources
from probes.traffic_run import StopSignals
from probes.workspace import Workspace, load_workspace

_voice = Voice("traffic")
USER_AGENT = "switchyard-again"
DEFAULT_SPEED = "1"
_LOOK_S = 0.2
_TELL_S = 5.0


def send_again(root: Path, file: str, speed_text: str) -> int:
    """Send the recording `file` again. Returns a value of ExitCode.

    FAILED where a request has not been answered by both versions. Raises ConfigurationError.
    """
    speed = read_speed(speed_text)
    workspace = load_workspace(root, os.environ)
    if not workspace.settings.is_loopback:
        address = f"GATEWAY_LISTEN_ADDRESS={workspace.settings.listen_address}"
        fix = "send recorded requests where only this machine is served"
        raise ConfigurationError(address, "beyond loopback", fix)
    if len(workspace.topology.versions) < 2:
        fix = "declare an instance of another"
        raise ConfigurationError("process-compose.yaml", "declares one version", fix)
    workload = workspace.workload
    recording = read_recording(Path(file), workload, MOST)
    sources, texts = traffic_sources(workspace.settings), workload.texts()
    planned = plan(recording.requests, speed, len(sources), len(texts))
    client = AskingClient(root, workspace.settings, workload.method, workload.path, USER_AGENT)
    served = {each.name: each.version for each in workspace.topology.instances}
    _announce(recording, planned, speed, sources)
    with StopSignals() as stop:
        try:
            client.connect(sources[0])
        except NoAnswer as error:
            _voice.say(f"{workspace.settings.url} cannot be reached ({error}): make start-project")
            return ExitCode.UNREACHABLE
        resender = Resender(client, workload, texts, sources, served)
        begun = time.monotonic()
        resender.start(planned)
        ended = _wait(resender, planned, stop)
        outcome = resender.finish()
        seconds = time.monotonic() - begun
        client.close()
    found = result(file, speed, recording, outcome, workspace, seconds)
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    _tell(outcome, planned.requests, workspace.topology.versions)
    if not ended:
        return ExitCode.INTERRUPTED
    return ExitCode.PASS if outcome.pairs == planned.requests else ExitCode.FAILED


def result(
    file: str,
    speed: float,
    recording: Recording,
    outcome: Outcome,
    workspace: Workspace,
    seconds: float,
) -> dict[str, Any]:
    """The document that is printed."""
    matrix: dict[str, dict[str, int]] = {}
    for (first, second), count in sorted(outcome.matrix.items()):
        matrix.setdefault(first, {})[second] = count
    return {
        "recording": file,
        "speed": speed,
        "requests": len(recording.requests),
        "left_out": {why: recording.left_out[why] for why in ("elsewhere", "refused", "twins")},
        "sent": outcome.sent,
        "answered": {str(status): count for status, count in sorted(outcome.answered.items())},
        "errors": outcome.errors,
        "versions": list(workspace.topology.versions[:2]),
        "pairs": outcome.pairs,
        "same": outcome.same,
        "matrix": matrix,
        "seconds": round(seconds, 3),
    }


def _announce(recording: Recording, planned: Plan, speed: float, sources: tuple[str, ...]) -> None:
    left = ", ".join(f"{count} {why}" for why, count in sorted(recording.left_out.items()))
    _voice.say(
        f"{planned.requests} recorded requests at {speed:g} times their pace, each asked of both "
        f"versions, in {planned.seconds:.0f} s" + (f" (left out: {left})" if left else "")
    )
    if sources == NO_CHOICE:
        _voice.say("this machine has no 127.0.1.x addresses for it: all are sent from one")
    if planned.seconds > planned.asked_seconds + 1:
        _voice.say(
            f"slower than asked for ({planned.asked_seconds:.0f} s): an address sends at most "
            f"{PER_SOURCE} requests/s, and there are {len(sources)}"
        )
    _voice.say("no log has what was asked: a request id stands for a sentence of the corpus")


def _wait(resender: Resender, planned: Plan, stop: StopSignals) -> bool:
    """Until everything is sent; False if a signal came before."""
    told = time.monotonic()
    while not resender.over:
        if stop.wait(_LOOK_S):
            return False
        if time.monotonic() - told >= _TELL_S:
            told = time.monotonic()
            _voice.say(f"{resender.sent} of {planned.requests}")
    return True


def _tell(outcome: Outcome, requests: int, versions: tuple[str, ...]) -> None:
    first, second = versions[:2]
    if outcome.pairs:
        share = 100 * outcome.same / outcome.pairs
        _voice.say(
            f"{first} and {second} say the same to {outcome.same} of {outcome.pairs} "
            f"({share:.1f} %)"
        )
    for (one, other), count in sorted(outcome.matrix.items()):
        if one != other:
            _voice.say(f"{count:>7} x {first} {one}, {second} {other}")
    if missing := outcome.sent - outcome.pairs:
        why = f" ({outcome.last_error})" if outcome.last_error else ""
        _voice.say(f"{missing} without the answer of both{why}: not the same matrix next time")
    if outcome.sent < requests:
        _voice.say(f"stopped: {requests - outcome.sent} were not sent")
