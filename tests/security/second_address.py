"""Run a command in a network of its own that has one more address, beyond loopback.

unshare --net ... python -m tests.security.second_address ADDRESS COMMAND...
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import sys

from scripts.private_network import drop_capabilities, prefix, raise_loopback

SIOCSIFADDR = 0x8916  # linux/sockios.h


def with_address(address: str) -> list[str] | None:
    """The command words that lead there; None where the machine forbids it."""
    enter = prefix()
    return None if enter is None else [*enter[:-1], "tests.security.second_address", address]


def add(address: str) -> None:
    """Give `lo` an alias. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        packed = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
        fcntl.ioctl(control, SIOCSIFADDR, struct.pack("16s16s8x", b"lo:1", packed))


if __name__ == "__main__":
    raise_loopback()
    add(sys.argv[1])
    drop_capabilities()
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606
