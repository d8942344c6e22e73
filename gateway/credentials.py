"""Who may use the gateway: var/htpasswd, kept in step with .env or left to the operator.

The file of the demo starts with a marker line and follows .env. Without that line it
belongs to the operator: `make credentials`, or

    python -m gateway.credentials [NAME]   asks for a password, or reads it from a pipe
    python -m gateway.credentials --undo   exchanges the file with the one before

nginx reads the file at every request, so a change is in effect at once and costs nobody the
connection that a reload would.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.asking import ask_name, ask_password, show_password
from gateway.atomic import replace_file
from gateway.command import Outcome, Say, reported
from gateway.errors import PrepareError
from gateway.exit_codes import ExitCode
from gateway.htpasswd import FILE as HTPASSWD
from gateway.htpasswd import hash_apr1, hash_ssha, parse_htpasswd
from gateway.nginx_build import nginx_build
from gateway.previous import SUFFIX, keep_previous, read_previous
from gateway.refusals import refuse_credentials
from gateway.settings import MAX_PASSWORD_BYTES, Settings, load_settings
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

    The demo login goes; other users stay. The file before is kept (gateway.previous).
    Raises PrepareError (nothing has changed then), OSError.
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
    parse_htpasswd("\n".join(kept))
    keep_previous(root / HTPASSWD)
    _write(root / HTPASSWD, [*kept, f"{user}:{hash_ssha(password)}"], group)


def undo(root: Path, group: int | None) -> None:
    """Exchange the file with the one before. Raises PrepareError, OSError."""
    before = read_previous(root, HTPASSWD).decode("utf-8", "replace")
    keep_previous(root / HTPASSWD)
    _write(root / HTPASSWD, before.splitlines(), group)


def main(
    arguments: Sequence[str] | None = None, environ: Mapping[str, str] | None = None
) -> ExitCode:
    """Add or change one user of an htpasswd file that no longer follows .env, or go back."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway.credentials",
        description="Set a password in var/htpasswd, which then no longer follows .env.",
    )
    parser.add_argument("user", nargs="?", help="is asked for if not given")
    parser.add_argument("--undo", action="store_true", help="exchange the file with the one before")
    parser.add_argument("--root", type=Path, default=Path(), help="the workspace (default: here)")
    given = parser.parse_args(arguments)
    if given.undo and given.user:
        parser.error("--undo takes no user: it exchanges the whole file")
    root: Path = given.root

    def action(say: Say) -> Outcome:
        settings = load_settings(root, os.environ if environ is None else environ)
        account = worker_account(nginx_build())
        group = None if account is None else account.group
        if given.undo:
            undo(root, group)
            say(f"{HTPASSWD} is the one before (UNDO=1 exchanges them again)")
        else:
            _set(root, given.user, group, say)
        entries = parse_htpasswd(read_htpasswd(root) or "")
        for refusal in refuse_credentials(entries, settings):
            say(f"the next start is refused: {refusal}")
        users = ", ".join(entry.user for entry in entries)
        text = f"may log in from now on: {users} (nginx reads the file at every request)"
        return Outcome(ExitCode.PASS, text)

    return reported("credentials", action)


def _set(root: Path, user: str | None, group: int | None, say: Say) -> None:
    name = ask_name() if user is None else user
    password, is_new = ask_password()
    text = read_htpasswd(root)
    set_password(root, name, password, group)
    if is_new:
        show_password(name, password)
    if text is not None:
        if text.startswith(MARKER):
            say(f"the demo login is gone: {HTPASSWD} no longer follows .env")
        say(f"the file before is {HTPASSWD}{SUFFIX} (make credentials UNDO=1)")
    say("the commands of this folder log in as GATEWAY_USER with GATEWAY_PASSWORD: set both in")
    say("their environment (not in .env, which every process inherits)")


if __name__ == "__main__":
    sys.exit(main())
