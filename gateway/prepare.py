"""Makes what varies by machine, and refuses what must not start: `python -m gateway.prepare`.

Runs before nginx, as a one-shot of process-compose and by hand. Running it again does
nothing, unless a setting changed or something is missing. An interrupted run is completed by
the next one: every file takes its name only when it is whole.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gateway import drained, fragments
from gateway.certificates import (
    CERTIFICATE,
    KEY,
    ensure_certificate,
    key_fits,
    read_certificate,
)
from gateway.closed_folder import close_folder
from gateway.credentials import ensure_htpasswd, read_htpasswd
from gateway.errors import ConfigurationError
from gateway.exit_codes import ExitCode
from gateway.htpasswd import parse_htpasswd
from gateway.nginx_build import Build, nginx_build
from gateway.nginx_files import read_nginx, walk
from gateway.refusals import Refusal, refuse_certificate, refuse_credentials, refuse_workers
from gateway.settings import Settings, load_settings
from gateway.topology import load_topology
from gateway.visible import visible
from gateway.worker import worker_account, worker_can_read

FOLDERS = ("var/run", "var/logs", "var/nginx", "var/tmp", "var/prometheus", "var/ray")
"""The last is empty without a cluster: Prometheus complains where it cannot watch it."""
_RUN, _LOGS = "var/run", "var/logs"
NGINX_ARGUMENTS = ("-p", "var", "-c", "../nginx/nginx.conf", "-e", "stderr")
"""How nginx is started everywhere; -t is added here."""
_NGINX_SECONDS = 30.0

Say = Callable[[str], None]


class Refused(Exception):
    """The gateway must not start like this."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__("; ".join(str(refusal) for refusal in refusals))
        self.refusals = tuple(refusals)


def prepare(root: Path, settings: Settings, say: Say, now: float) -> None:
    """Bring the workspace at `root` in order, with one line to `say` for each thing done.

    `now` is in seconds since the epoch. Raises Refused, ConfigurationError, OSError,
    subprocess.TimeoutExpired. The fragments come last: until everything else is in order
    nginx has nothing to listen on.
    """
    for folder in FOLDERS:
        if not (root / folder).is_dir():
            (root / folder).mkdir(parents=True)
            say(f"made the folder {folder}")
    build = nginx_build()
    account = worker_account(build)
    group = None if account is None else account.group
    # The socket in the first starts and stops everything, the logs say who asked when. (Their
    # own modes are the umask of whoever starts process-compose.) The workers of nginx open a log
    # themselves when it is to be begun anew.
    for folder, who in ((_RUN, None), (_LOGS, group)):
        if close_folder(root / folder, who):
            say(f"closed {folder} to other users")
    for done in (
        ensure_htpasswd(root, settings, group),
        ensure_certificate(root, settings, now),
    ):
        if done is not None:
            say(done)
    can_read = worker_can_read(root, account)
    try:
        found = refusals(root, settings, can_read, now)
    except ConfigurationError:
        _close(root, say)
        raise
    if found:
        _close(root, say)
        raise Refused(found)
    _write_fragments(root, settings, build, can_read, say)
    write_derived(root, settings, say)


def check_nginx(root: Path, say: Say) -> bool:
    """Whether `nginx -t` accepts the configuration; its own message and the reason go to `say`.

    True, with a line, where there is no nginx to ask. Raises subprocess.TimeoutExpired.
    """
    program = shutil.which("nginx")
    if program is None:
        say("nginx is not on PATH: its configuration was not checked")
        return True
    done = subprocess.run(
        [program, *NGINX_ARGUMENTS, "-t"],
        cwd=root,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_NGINX_SECONDS,
    )
    if done.returncode == 0:
        return True
    for line in done.stderr.strip().splitlines():
        say(line)
    fatal = re.search(r"\[(?:emerg|alert|crit)\] (?:\d+#\d+: )?(.*)", done.stderr)
    reason = fatal[1] if fatal is not None else f"exit code {done.returncode}"
    say(f"nginx does not accept its configuration: {reason}{_hint(reason)}")
    return False


def _hint(reason: str) -> str:
    if "bind()" in reason and "Permission denied" in reason:
        return " (ports below 1024 need root: set GATEWAY_HTTPS_PORT and GATEWAY_HTTP_PORT)"
    return ""


def refusals(root: Path, settings: Settings, can_read: bool, now: float) -> list[Refusal]:
    """Why the gateway must not serve as it is. `can_read`: whether its workers reach var/.

    `now` is in seconds since the epoch. Raises ConfigurationError, OSError,
    subprocess.TimeoutExpired.
    """
    text = read_htpasswd(root) or ""
    found = [
        *refuse_credentials(parse_htpasswd(text), settings),
        *refuse_certificate(
            read_certificate(root / CERTIFICATE),
            (root / KEY).stat().st_mode,
            key_fits(root / CERTIFICATE, root / KEY),
            settings,
            now,
        ),
    ]
    workers = refuse_workers(settings, can_read, is_root=os.geteuid() == 0)
    return found if workers is None else [*found, workers]


def _close(root: Path, say: Say) -> None:
    """Take away what nginx would listen on, so that nobody starts it by hand either."""
    for file in (fragments.LISTEN_HTTPS, fragments.LISTEN_HTTP):
        if fragments.remove_fragment(root, file):
            say(f"removed {file}: nginx does not start without it")


def _write_fragments(
    root: Path, settings: Settings, build: Build | None, can_read: bool, say: Say
) -> None:
    version = None if build is None else build.version
    hosts = fragments.listen_hosts(settings, fragments.has_ipv6_loopback())
    https = fragments.listen_https(hosts, settings.https_port, version)
    http = fragments.listen_http(hosts, settings.http_port)
    suffix = fragments.https_port_suffix(settings)
    for file, text, port in (
        (fragments.LISTEN_HTTPS, https, settings.https_port),
        (fragments.LISTEN_HTTP, http, settings.http_port),
    ):
        if fragments.write_fragment(root, file, text):
            say(f"wrote {file}: {', '.join(f'{host}:{port}' for host in hosts)}")
    if fragments.write_fragment(root, fragments.HTTPS_PORT_SUFFIX, suffix):
        say(f"wrote {fragments.HTTPS_PORT_SUFFIX}: {settings.url}")
    if can_read:
        if fragments.remove_fragment(root, fragments.MAIN_USER):
            say(f"removed {fragments.MAIN_USER}: the workers can read var/ as they are")
    elif fragments.write_fragment(root, fragments.MAIN_USER, fragments.main_user()):
        say(
            f"wrote {fragments.MAIN_USER}: the nginx workers run as root, because their "
            "own user cannot enter this folder (fine on loopback; `chmod a+x` it to avoid that)"
        )


def write_derived(root: Path, settings: Settings, say: Say) -> None:
    """Write what follows from other files: the names of the certificate, and what can be drained.

    Raises ConfigurationError, OSError, subprocess.TimeoutExpired.
    """
    names = fragments.names_beyond_localhost(read_certificate(root / CERTIFICATE))
    if not names:
        if fragments.remove_fragment(root, fragments.SERVER_NAMES):
            say(f"removed {fragments.SERVER_NAMES}: the certificate has no name but localhost")
    elif fragments.write_fragment(root, fragments.SERVER_NAMES, fragments.server_names(names)):
        say(f"wrote {fragments.SERVER_NAMES}: serves {', '.join(names)} besides localhost")
    instances = load_topology(root, settings).instances
    upstreams = drained.drained_upstreams(walk(read_nginx(root)), instances)
    written = [
        fragments.write_fragment(root, drained.UPSTREAMS, upstreams),
        fragments.write_fragment(root, drained.CHOICE, drained.drained_choice(instances)),
    ]
    if any(written):
        drainable = ", ".join(instance.name for instance in instances)
        say(f"wrote {drained.UPSTREAMS}: any of {drainable} can be drained")


def main(
    arguments: Sequence[str] | None = None, environ: Mapping[str, str] | None = None
) -> ExitCode:
    """Prepare the workspace; the reason of a failure is the last line on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway.prepare",
        description="Make what varies by machine (certificate, login, files of nginx), and refuse "
        "what must not start. Changes nothing where everything is in place.",
    )
    parser.add_argument("--root", type=Path, default=Path(), help="the workspace (default: here)")
    root: Path = parser.parse_args(arguments).root
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        sys.stderr.write(f"prepare: {visible(text)}\n")

    try:
        settings = load_settings(root, os.environ if environ is None else environ)
        prepare(root, settings, say, time.time())
        accepted = check_nginx(root, say)
    except Refused as refused:
        for refusal in refused.refusals:
            say(f"refused: {refusal}")
        return ExitCode.USAGE
    except ConfigurationError as error:
        say(str(error))
        return ExitCode.USAGE
    except OSError as error:
        say(
            f"{error.filename or 'var'}: {error.strerror or error}: give this folder to the user "
            "who runs this (`ls -l` shows whose it is), or remove what another user left"
        )
        return ExitCode.USAGE
    except subprocess.TimeoutExpired as error:
        say(f"{error.cmd[0]}: no answer within {error.timeout:.0f} s: try again on an idle machine")
        return ExitCode.TIMEOUT
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    if not accepted:
        return ExitCode.USAGE
    if not said:
        say("everything is in place")
    return ExitCode.PASS


if __name__ == "__main__":
    sys.exit(main())
