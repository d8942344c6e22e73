"""Two hosts joined by a cable: two network namespaces and a veth pair, held by a process.

Linux, and root or unprivileged user namespaces. Only the network is two; the disk is shared.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from scripts.private_network import IFF_UP, SIOCGIFFLAGS, SIOCSIFFLAGS, raise_loopback

ADDRESS_A, ADDRESS_B = "10.0.0.1", "10.0.0.2"
ANOTHER = "10.0.0.3"
"""A second address of host A: to host B, somebody else in the same network."""
_NETMASK = "255.255.255.0"
_SIOCSIFADDR, _SIOCSIFNETMASK = 0x8916, 0x891C  # linux/sockios.h
_CLONE_NEWNET = 0x40000000  # linux/sched.h
_CABLE = "cable"


@dataclass(frozen=True)
class Hosts:
    """Where the commands of each host run, and the cable between them."""

    enter_a: list[str]
    """The words before a command on host A."""
    enter_b: list[str]
    _holder: subprocess.Popen[bytes]

    def cut(self) -> None:
        """The cable is out: what is sent arrives nowhere, and nobody says so."""
        self._tell(b"cut\n")

    def mend(self) -> None:
        """The cable is in again."""
        self._tell(b"mend\n")

    def _tell(self, word: bytes) -> None:
        assert self._holder.stdin is not None
        assert self._holder.stdout is not None
        self._holder.stdin.write(word)
        self._holder.stdin.flush()
        assert self._holder.stdout.readline() == b"done\n"


@contextmanager
def two_hosts() -> Iterator[Hosts | None]:
    """Host A and host B, as long as the block runs; None where the machine forbids it."""
    enter = ["unshare", "--net"]
    inside = ["--net"]
    if os.geteuid() != 0:
        enter += ["--user", "--map-current-user", "--keep-caps"]
        inside += ["--user", "--preserve-credentials"]
    command = [*enter, sys.executable, "-m", __name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        try:
            pids = holder.stdout.readline().decode().split()
            words = [["nsenter", "--target", pid, *inside] for pid in pids]
            yield Hosts(words[0], words[1], holder) if words else None
        finally:
            holder.stdin.close()
            holder.wait()


def _hold(commands: IO[bytes]) -> None:
    """Be host A, with host B as a child that pulls the plug on its side when told to."""
    raise_loopback()
    apart_read, apart_write = os.pipe()
    joined_read, joined_write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(joined_write)
        _unshare_network()
        raise_loopback()
        os.write(apart_write, b"!")
        if os.read(joined_read, 1):  # nothing: host A has failed
            _give_address(_CABLE, ADDRESS_B)
            _say(f"{os.getppid()} {os.getpid()}")
            for command in commands:
                _set_up(_CABLE, command == b"mend\n")
                _say("done")
        os._exit(0)
    os.read(apart_read, 1)
    _join(child)
    _give_address(_CABLE, ADDRESS_A)
    _give_address(f"{_CABLE}:1", ANOTHER)
    os.write(joined_write, b"!")
    os.waitpid(child, 0)


def _say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def _unshare_network() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _join(pid: int) -> None:
    """A veth pair between here and the network of `pid`, both ends called the same.

    By rtnetlink(7): iproute2 is not everywhere. Raises OSError.
    """
    # linux/if_link.h, linux/veth.h
    name, kind, data, link_info, peer, net_ns_pid = 3, 1, 2, 18, 1, 19
    new_link, request_ack_create_exclusive = 16, 0x1 | 0x4 | 0x400 | 0x200
    link = struct.pack("BxHiII", 0, 0, 0, 0, 0)
    there = link + _attribute(name, _CABLE.encode()) + _attribute(net_ns_pid, struct.pack("I", pid))
    body = link + _attribute(name, _CABLE.encode())
    body += _attribute(
        link_info, _attribute(kind, b"veth") + _attribute(data, _attribute(peer, there))
    )
    header = struct.pack("IHHII", 16 + len(body), new_link, request_ack_create_exclusive, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.send(header + body)
        # struct nlmsgerr: 0, or a negative errno.
        error: int = struct.unpack_from("i", kernel.recv(4096), 16)[0]
    if error:
        raise OSError(-error, os.strerror(-error))


def _attribute(kind: int, payload: bytes) -> bytes:
    size = 4 + len(payload)
    return struct.pack("HH", size, kind) + payload + bytes(-size % 4)


def _give_address(interface: str, address: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for request, value in ((_SIOCSIFADDR, address), (_SIOCSIFNETMASK, _NETMASK)):
            packed = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(value))
            fcntl.ioctl(control, request, struct.pack("16s16s8x", interface.encode(), packed))
    _set_up(interface, True)


def _set_up(interface: str, up: bool) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", interface.encode(), 0)
        flags = struct.unpack_from("h", fcntl.ioctl(control, SIOCGIFFLAGS, request), 16)[0]
        flags = flags | IFF_UP if up else flags & ~IFF_UP
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", interface.encode(), flags))


if __name__ == "__main__":
    _hold(sys.stdin.buffer)
