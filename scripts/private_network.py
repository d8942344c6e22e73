"""Run a command in a network of its own: `python -m scripts.private_network COMMAND...`.

The tests of the whole stack use the unmodified files with their fixed ports; a
private network namespace lets them do so beside a running workspace. Linux only.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import sys

SIOCGIFFLAGS = 0x8913  # linux/sockios.h
SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1  # linux/if.h


def prefix() -> list[str] | None:
    """The command words that enter a private network here; None where the machine forbids it."""
    enter = ["unshare", "--net"]
    if os.geteuid() != 0:
        # Keeps the uid: nginx refuses to start as a root that is not one. Some
        # distributions forbid this to unprivileged users.
        enter += ["--user", "--map-current-user", "--keep-caps"]
    command = [*enter, sys.executable, "-m", "scripts.private_network"]
    try:
        done = subprocess.run([*command, "true"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return command if done.returncode == 0 else None


def raise_loopback() -> None:
    """Bring `lo` up; a new network namespace starts with it down. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack_from("h", fcntl.ioctl(control, SIOCGIFFLAGS, request), 16)[0]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def drop_capabilities() -> None:
    """Give up what --keep-caps kept, so that the command runs as the plain user it is."""
    if os.geteuid() != 0:
        pr_cap_ambient, clear_all = 47, 4  # linux/prctl.h
        ctypes.CDLL(None, use_errno=True).prctl(pr_cap_ambient, clear_all, 0, 0, 0)


if __name__ == "__main__":
    raise_loopback()
    drop_capabilities()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606
