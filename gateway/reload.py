"""Makes a running nginx take up edited files, after a check: `python -m gateway.reload`.

A file that nginx or gateway.refusals would not accept changes nothing: what runs goes on
with what it has. A reload ends HTTP/2 connections, and some clients then lose the requests in
flight: so the canary, the shadow and a drained instance are changed by files (gateway.canary),
and passwords are read by nginx at every request. What .env says (ports, address) is taken up
by the next start.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.command import Outcome, Say, reported
from gateway.exit_codes import ExitCode
from gateway.nginx_build import nginx_build
from gateway.nginx_master import running_master, workers
from gateway.prepare import check_nginx, refusals, write_derived
from gateway.settings import Settings, load_settings
from gateway.worker import worker_account, worker_can_read

LIVE_SECONDS = 10.0
"""How long new workers may take to appear."""
_POLL_SECONDS = 0.02


def check(root: Path, settings: Settings, say: Say, now: float) -> Outcome | None:
    """Why the files of the workspace at `root` must not be loaded; None if they may.

    `now` is in seconds since the epoch. nginx's own words go to `say`. Raises
    ConfigurationError, OSError, subprocess.TimeoutExpired.
    """
    build = nginx_build()
    if build is None:
        return Outcome(ExitCode.USAGE, "nginx is not on PATH: nothing was checked or changed")
    can_read = worker_can_read(root, worker_account(build))
    if found := refusals(root, settings, can_read, now):
        for refusal in found:
            say(f"refused: {refusal}")
        return Outcome(ExitCode.USAGE, "nothing was changed: what runs goes on as it is")
    write_derived(root, settings, say)
    if not check_nginx(root, say):
        return Outcome(ExitCode.USAGE, "nothing was changed: what runs goes on as it is")
    return None


def reload(
    root: Path, settings: Settings, say: Say, now: float, live_s: float = LIVE_SECONDS
) -> Outcome:
    """Check the files, make nginx load them, and wait until its new workers are there.

    Raises ConfigurationError, OSError (also where nginx is another user's),
    subprocess.TimeoutExpired.
    """
    refused = check(root, settings, say, now)
    if refused is not None:
        return refused
    master = running_master(root)
    if master is None:
        return Outcome(ExitCode.PASS, "nginx does not run: takes effect at the next start")
    before = workers(master)
    begun = time.monotonic()
    os.kill(master, signal.SIGHUP)
    if before is None:
        return Outcome(ExitCode.PASS, "nginx was told; whether it has done so shows in its log")
    while True:
        now_there = workers(master) or frozenset()
        if now_there and not now_there & before:
            took = time.monotonic() - begun
            return Outcome(ExitCode.PASS, f"in effect after {took:.2f} s, with new workers")
        if running_master(root) != master:
            return Outcome(ExitCode.FAILED, "nginx has ended: var/logs/nginx.log says why")
        if time.monotonic() - begun > live_s:
            problem = f"nginx still runs as before after {live_s:.0f} s"
            return Outcome(ExitCode.TIMEOUT, f"{problem}: var/logs/nginx.log says why")
        time.sleep(_POLL_SECONDS)


def main(
    arguments: Sequence[str] | None = None, environ: Mapping[str, str] | None = None
) -> ExitCode:
    """Reload the nginx of a workspace; 0 also where none runs and the files are good."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway.reload",
        description="Check the edited files of nginx, then make the nginx that runs use them. "
        "Files that are not accepted change nothing.",
    )
    parser.add_argument("--root", type=Path, default=Path(), help="the workspace (default: here)")
    root: Path = parser.parse_args(arguments).root

    def action(say: Say) -> Outcome:
        settings = load_settings(root, os.environ if environ is None else environ)
        return reload(root, settings, say, time.time())

    return reported("reload", action)


if __name__ == "__main__":
    sys.exit(main())
