"""Where generated load comes from: one source address for a few requests a second each.

The gateway limits every client address, and nothing that we send is exempted. Linux owns
the whole of 127.0.0.0/8, so load that stands for many clients uses many addresses.
"""

from __future__ import annotations

import ipaddress
import socket

from gateway.settings import IPAddress, Settings

PER_SOURCE = 8
"""Requests in any second from one address; the gateway allows 10 (nginx/conf.d/limits.conf)."""

TRAFFIC_SOURCES = tuple(f"127.0.1.{host}" for host in range(1, 128))
"""Addresses of the traffic generator. The upper half of 127.0.1.0/24 is left to probes that
measure, which may run at the same time: two of them on one address would meet the limit."""

NO_CHOICE = ("",)
"""One address, which the system chooses."""


def gateway_address(settings: Settings) -> IPAddress:
    """Where a client on this machine connects to."""
    address = settings.address
    if not address.is_unspecified:
        return address
    return ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")


def traffic_sources(settings: Settings) -> tuple[str, ...]:
    """The source addresses that this machine has for traffic; NO_CHOICE where it has only one.

    macOS owns 127.0.0.1 alone, and a gateway on an IPv6 address cannot be reached from these.
    """
    if gateway_address(settings).version == 4 and _exists(TRAFFIC_SOURCES[0]):
        return TRAFFIC_SOURCES
    return NO_CHOICE


def _exists(address: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
