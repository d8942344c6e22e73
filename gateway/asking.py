"""Asks a person for a login, or takes the password from a pipe."""

import getpass
import secrets
import sys
from pathlib import Path

from gateway.errors import PrepareError
from gateway.htpasswd import FILE as HTPASSWD

_TERMINAL = Path("/dev/tty")
_BITS = 128


def ask_name() -> str:
    """A user name from the terminal. Raises PrepareError where there is none to ask."""
    if not sys.stdin.isatty():
        raise PrepareError(HTPASSWD, "no user name", "give one: `make credentials LOGIN=ann`")
    sys.stderr.write("User: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def ask_password() -> tuple[str, bool]:
    """A password, and whether it is one that was made here: the person knows it not yet.

    Raises PrepareError when the second entry differs.
    """
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n"), False
    first = getpass.getpass("Password (none: a random one is made): ")
    if not first:
        return secrets.token_hex(_BITS // 8), True
    if getpass.getpass("Again: ") != first:
        raise PrepareError(HTPASSWD, "the two passwords differ", "try again")
    return first, False


def show_password(user: str, password: str) -> None:
    """Show a new password once, on the terminal and nowhere else. Raises OSError."""
    # Not stdout or stderr: either may go to a file.
    with _TERMINAL.open("w") as terminal:
        terminal.write(f"\n    {user}:{password}\n\nIt is not shown again.\n")
