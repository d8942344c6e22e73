"""The rate limit, tried with a burst from an address of its own."""

from __future__ import annotations

import time

from gateway.errors import ConfigurationError
from probes.addresses import SLOT_S, rested
from probes.checks.curl import login, predict
from probes.checks.finding import Finding
from probes.limit_files import find_limit
from probes.ratelimit import default_plan, judge, volley
from probes.verdict import Verdict
from probes.workspace import Workspace


def rate_limit(workspace: Workspace) -> Finding:
    """Of a simultaneous burst exactly burst + 1 pass, as the nginx files say."""
    try:
        limit = find_limit(workspace.root, workspace.workload.path)
    except ConfigurationError as error:
        return Finding(Verdict.ERROR, str(error))
    if limit is None:
        path = workspace.workload.path
        return Finding(Verdict.NOT_MEASURED, f"no limit_req for {path} in the nginx files")
    plan = default_plan(limit)
    judgement = judge(list(volley(workspace, rested(workspace.settings), plan)), limit, plan)
    if judgement.passed < judgement.expected[0]:
        # Perhaps another burst was there a moment ago, and used up some of the allowance.
        time.sleep(SLOT_S)
        judgement = judge(list(volley(workspace, rested(workspace.settings), plan)), limit, plan)
    return Finding(judgement.verdict, judgement.reason)


def rate_limit_command(workspace: Workspace) -> str:
    """A burst, counted by status. From your own address, so its allowance is used up."""
    options = ["-o", "/dev/null", "-w", "%{http_code}\\n"]
    command = predict(workspace, *login(workspace), *options)
    return f"for n in $(seq 42); do {command} & done | sort | uniq -c"
