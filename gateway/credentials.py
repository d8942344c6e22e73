"""Who may use the gateway: var/htpasswd, kept in step with .env or left to the operator.

The file of the demo starts with a marker line and follows .env. Without that line it
belongs to the operator and is only read. To make one:

    python -m gateway.credentials NAME     asks for a password, or reads it from a pipe
"""

import argparse
import getpass
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.atomic import replace_file
from gateway.errors import ConfigurationError, PrepareError
from gateway.exit_codes import ExitCode
from gateway.htpasswd import FILE as HTPASSWD
from gateway.htpasswd import hash_apr1, hash_ssha, parse_htpasswd
from gateway.nginx_build import nginx_build
from gateway.settings import MAX_PASSWORD_BYTES, Settings
from gateway.worker import worker_account

MARKER = "# written by gateway.prepare from .env"
"""First line of the file that follows .env."""
MIN_PASSWORD = 16
"""Characters. {SSHA} costs an attacker nothing per guess, so the password has to be long."""


def ensure_htpasswd(root: Path, settings: Settings, group: int | None) -> str | None:
    """Bring the demo's var/htpasswd in step with .env; what was done, or None.

    `group` is the group of the nginx workers where they run as another user than we do.
    Raises PrepareError, OSError.
    """
    path = root / HTPASSWD
    text = read_htpasswd(root)
    if text is not None and text.partition("\n")[0].rstrip("\r") != MARKER:
        return None
    if text is not None and _in_step(text, settings) and _mode_is(path, group):
        return None
    stored = hash_apr1(settings.password)
    _write(path, [MARKER, f"{settings.user}:{stored}"], group)
    return f"wrote {HTPASSWD} for the user {settings.user} of .env"


def read_htpasswd(root: Path) -> str | None:
    """The text of var/htpasswd, None when there is none. Raises PrepareError, OSError."""
    try:
        return (root / HTPASSWD).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        fix = "replace it, or remove it to get the demo login back"
        raise PrepareError(HTPASSWD, "is not text in UTF-8", fix) from None


def _in_step(text: str, settings: Settings) -> bool:
    try:
        entries = parse_htpasswd(text)
    except PrepareError:
        return False  # ours, and damaged: write it again
    return [entry.user for entry in entries] == [settings.user] and entries[0].accepts(
        settings.password
    )


def _mode(group: int | None) -> int:
    return 0o600 if group is None else 0o640


def _mode_is(path: Path, group: int | None) -> bool:
    found = path.stat()
    return found.st_mode & 0o777 == _mode(group) and (group is None or found.st_gid == group)


def _write(path: Path, lines: list[str], group: int | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, "\n".join([*lines, ""]), _mode(group))
    if group is not None:
        os.chown(path, -1, group)


def set_password(root: Path, user: str, password: str, group: int | None) -> None:
    """Give one user a password in an htpasswd file that is the operator's from now on.

    The demo login goes; other users stay. Raises PrepareError, OSError.
    """
    if not user or not user.isprintable() or set(user) & set(":#"):
        fix = "leave out colons, # and control characters"
        raise PrepareError(HTPASSWD, f"{user!r} cannot be a user name", fix)
    size = len(password.encode("utf-8", "surrogateescape"))
    if not password.isprintable() or len(password) < MIN_PASSWORD or size > MAX_PASSWORD_BYTES:
        problem = f"a password has {MIN_PASSWORD} printable characters or more"
        raise PrepareError(HTPASSWD, problem, "make a random one: `openssl rand -hex 16`")
    text = read_htpasswd(root) or ""
    lines = [] if text.startswith(MARKER) else text.splitlines()
    kept = [line for line in lines if line.partition(":")[0] != user]
    _write(root / HTPASSWD, [*kept, f"{user}:{hash_ssha(password)}"], group)


def main(arguments: Sequence[str] | None = None) -> ExitCode:
    """Add or change one user of an htpasswd file that no longer follows .env."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway.credentials",
        description="Set a password in var/htpasswd, which then no longer follows .env.",
    )
    parser.add_argument("user")
    parser.add_argument("--root", type=Path, default=Path(), help="the workspace (default: here)")
    given = parser.parse_args(arguments)
    try:
        account = worker_account(nginx_build())
        set_password(given.root, given.user, _ask(), None if account is None else account.group)
    except (ConfigurationError, OSError) as error:
        sys.stderr.write(f"credentials: {error}\n")
        return ExitCode.USAGE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    sys.stderr.write(f"credentials: {given.user} is in {HTPASSWD}, effective at once\n")
    return ExitCode.PASS


def _ask() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != first:
        raise PrepareError(HTPASSWD, "the two passwords differ", "try again")
    return first


if __name__ == "__main__":
    sys.exit(main())
