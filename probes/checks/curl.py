"""The command that shows a check: what a person would type, ready to be pasted."""

from __future__ import annotations

import shlex

from gateway.certificates import CERTIFICATE
from gateway.settings import DEMO_PASSWORD
from probes.workspace import Workspace


def login(workspace: Workspace) -> list[str]:
    """The option for the right login; curl asks for any but the demo password."""
    settings = workspace.settings
    demo = settings.password == DEMO_PASSWORD
    return ["--user", f"{settings.user}:{settings.password}" if demo else settings.user]


def curl(workspace: Workspace, path: str, *options: str) -> str:
    """A request to the gateway that shows status and headers."""
    command = ["curl", "-sS", "-i", "--cacert", CERTIFICATE, *options]
    return shlex.join([*command, workspace.settings.url + path])


def predict(workspace: Workspace, *options: str) -> str:
    """The example of workload.yaml."""
    workload = workspace.workload
    method = [] if workload.method == "POST" else ["--request", workload.method]
    body = workspace.example_body().decode()
    return curl(workspace, workload.path, *method, *options, "--json", body)
