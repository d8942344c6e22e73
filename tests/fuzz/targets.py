"""Every target by its name on the command line."""

from __future__ import annotations

from importlib import import_module

from tests.fuzz.target import Target

NAMES = {
    "access-log": "logs:ACCESS_LOG",
    "shadow-log": "logs:SHADOW_LOG",
    "nginx": "configuration:NGINX",
    "processes": "configuration:PROCESSES",
    "scrape-targets": "configuration:SCRAPE_TARGETS",
    "workload": "configuration:WORKLOAD",
    "corpus": "configuration:CORPUS",
    "policy": "configuration:POLICY",
    "settings": "configuration:SETTINGS",
    "htpasswd": "configuration:PASSWORDS",
    "recording": "recordings:RECORDING",
    "decisions": "rollout_files:DECISIONS",
    "status": "rollout_files:STATUS_FILE",
    "canary": "rollout_files:CANARY",
    "commands": "rollout_files:COMMANDS",
    "bodies": "bodies:BODIES",
}


def target(name: str) -> Target:
    """Loaded here, so that its readers are imported under the eyes of the fuzzer."""
    module, _, constant = NAMES[name].partition(":")
    found = getattr(import_module(f"tests.fuzz.{module}"), constant)
    assert isinstance(found, Target)
    return found
