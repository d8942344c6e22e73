"""Whether a request was meant for this machine, for servers that have no password.

A page of a site whose name is made to resolve to 127.0.0.1 (DNS rebinding) still sends that name
in the Host header.
"""

from __future__ import annotations

import ipaddress
import re

_PORT = re.compile(r":\d*$")


def is_local_host(host: str | None) -> bool:
    """Whether a Host header is absent, an address, or a name that no site can have (no dot)."""
    name = _PORT.sub("", host or "")
    if "." not in name or name.startswith("["):
        return True
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True
